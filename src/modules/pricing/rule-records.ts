import { audit, changes } from '#platform/audit.ts'
import type { PricingTx } from '#platform/databases.ts'
import type { Publisher } from '#platform/events.ts'
import { VersionMismatch } from '#platform/http-errors.ts'
import type { PricingEvents } from './contract.ts'
import { requireRule } from './references.ts'
import type { PricingRepository } from './repository.ts'
import type { NewRuleRow, RuleRow } from './rule-repository.ts'

/** Every change of a rule is its row, the number its content had, an audit line and an event, in one transaction. */
export function createRuleRecords(repository: Pick<PricingRepository, 'rules'>, publish: Publisher<PricingEvents, PricingTx>) {
  const { rules } = repository

  return {
    async create(tx: PricingTx, row: NewRuleRow): Promise<RuleRow> {
      const rule = await requireRule(repository, await rules.insert(tx, row), tx)
      await audit(tx, { action: 'pricing_rule.created', subject: subjectOf(rule), after: rule })
      await announce(tx, rule)
      return rule
    },

    async change(tx: PricingTx, before: RuleRow, next: NewRuleRow): Promise<RuleRow> {
      if (!(await rules.update(tx, before.id, before.version, next))) throw VersionMismatch({ current: before.version })
      const rule = await requireRule(repository, before.id, tx)
      await audit(tx, { action: 'pricing_rule.changed', subject: subjectOf(rule), ...changes(before, rule) })
      await announce(tx, rule)
      return rule
    },

    /** A rule of a draft that is deleted: no price ever rested on it, so nobody is told. */
    async remove(tx: PricingTx, gone: readonly RuleRow[]): Promise<void> {
      await rules.remove(
        tx,
        gone.map((rule) => rule.id),
      )
      for (const rule of gone) await audit(tx, { action: 'pricing_rule.deleted', subject: subjectOf(rule), before: rule })
    },
  }

  async function announce(tx: PricingTx, { id, code, number, effectiveFrom, enabled, version }: RuleRow): Promise<void> {
    await publish(tx, 'pricing_rule.changed', id, { ruleId: id, code, number, effectiveFrom, enabled, version })
  }
}
export type RuleRecords = ReturnType<typeof createRuleRecords>

const subjectOf = ({ id }: RuleRow): string => `pricing_rule/${id}`

/** What of a rule is content, and so may be copied or written anew. */
export function contentOf({ id: _, number: __, version: ___, createdAt: ____, updatedAt: _____, ...content }: RuleRow): NewRuleRow {
  return content
}
