import type { PricingTx } from '#platform/databases.ts'
import { VersionMismatch } from '#platform/http-errors.ts'
import { applyMergePatch } from '#platform/patches.ts'
import type { PageOf } from '#platform/schemas.ts'
import { checkRule } from './engine/check-rule.ts'
import { engineRule } from './engine-values.ts'
import { PricingRuleNotFound, TariffVersionReferenceNotFound, VersionPublished } from './errors.ts'
import type { Customers } from './neighbours.ts'
import { requireCustomer, requireRule } from './references.ts'
import { orRefusal, refuseFixedMembers, unknownReference } from './refusals.ts'
import type { PricingRepository } from './repository.ts'
import { contentOf, type RuleRecords } from './rule-records.ts'
import type { NewRuleRow, RuleRow } from './rule-repository.ts'
import type { ListPricingRules, NewPricingRule, PricingRule, PricingRulePatch } from './rule-schemas.ts'

/** Members of a rule that every price it made rests on. */
const fixedMembers = ['code', 'kind', 'tariffVersionId', 'customerId'] as const

/** What a rule is made with when its author says nothing else. */
const defaults = {
  name: null,
  tariffVersionId: null,
  customerId: null,
  conditions: null,
  sequence: null,
  priority: 0,
  effectiveTo: null,
  enabled: true,
}

interface RuleNeeds {
  repository: Pick<PricingRepository, 'rules' | 'tariffs' | 'versions'>
  records: RuleRecords
  customers: Customers
  /** The prices in force have changed. */
  pricesChanged: () => void
}

/** Pricing rules: free ones, and ones attached to a draft. A change makes a new number; the content before it stays readable. */
export function createRules({ repository, records, customers, pricesChanged }: RuleNeeds) {
  const { rules, tariffs, versions } = repository

  return {
    listRules: (query: ListPricingRules): Promise<PageOf<PricingRule>> => rules.list(query),

    requireRule: ({ id }: { id: number }): Promise<PricingRule> => requireRule(repository, id),

    async ruleHistory({ id }: { id: number }): Promise<{ data: PricingRule[] }> {
      const revisions = await rules.history(id)
      if (revisions.length === 0) throw PricingRuleNotFound({ id })
      return { data: revisions.map(({ ruleId, recordedAt, ...revision }) => ({ id: ruleId, ...revision, updatedAt: recordedAt })) }
    },

    async createRule(input: NewPricingRule): Promise<PricingRule> {
      // What the tree holds is checked before it is stored.
      const row: NewRuleRow = { ...defaults, ...input, conditions: (input.conditions ?? null) as NewRuleRow['conditions'] }
      requireSoundContent(row)
      if (row.customerId !== null) await requireCustomer(customers, row.customerId)

      return rules.inTransaction(async (tx) => {
        if (row.tariffVersionId !== null && !(await holdDraft(tx, row.tariffVersionId))) {
          throw unknownReference(TariffVersionReferenceNotFound, '/tariffVersionId', row.tariffVersionId)
        }
        tx.afterCommit(pricesChanged)
        return records.create(tx, row)
      })
    },

    updateRule: ({ id, patch, expectedVersion }: { id: number; patch: PricingRulePatch; expectedVersion: number }): Promise<PricingRule> =>
      change(id, expectedVersion, (rule) => {
        refuseFixedMembers(rule, patch, fixedMembers)
        return applyMergePatch(rule, patch)
      }),

    enableRule: ({ id, expectedVersion }: RuleAction): Promise<PricingRule> =>
      change(id, expectedVersion, (rule) => applyMergePatch(rule, { enabled: true })),

    disableRule: ({ id, expectedVersion }: RuleAction): Promise<PricingRule> =>
      change(id, expectedVersion, (rule) => applyMergePatch(rule, { enabled: false })),
  }

  async function change(
    id: number,
    expectedVersion: number | undefined,
    patched: (rule: RuleRow) => { changed: readonly string[]; next: RuleRow },
  ): Promise<PricingRule> {
    // A rule never moves to another version, so this may be read before anything is held.
    const { tariffVersionId } = await requireRule(repository, id)
    return rules.inTransaction(async (tx) => {
      const isThere = tariffVersionId === null || (await holdDraft(tx, tariffVersionId))
      const before = isThere ? await rules.lock(tx, id) : undefined
      if (!before) throw PricingRuleNotFound({ id })
      if (expectedVersion !== undefined && before.version !== expectedVersion) throw VersionMismatch({ current: before.version })
      const { changed, next } = patched(before)
      if (changed.length === 0) return before
      requireSoundContent(next)
      tx.afterCommit(pricesChanged)
      return records.change(tx, before, contentOf(next))
    })
  }

  /** A rule of a version is part of its content: it changes only while that is a draft, under the row lock that publishing takes. False: there is no such version. */
  async function holdDraft(tx: PricingTx, versionId: number): Promise<boolean> {
    const seen = await versions.findById(versionId, tx)
    if (!seen) return false
    await tariffs.lock(tx, seen.tariffId)
    const version = await versions.findById(versionId, tx)
    if (version && version.state !== 'draft') throw VersionPublished({ tariffId: version.tariffId, number: version.number })
    return version !== undefined
  }
}

interface RuleAction {
  id: number
  expectedVersion: number | undefined
}

/** What a rule says must make sense to the engine before it is saved. */
function requireSoundContent(row: NewRuleRow): void {
  orRefusal(() => checkRule(engineRule({ ...row, id: 0, number: 0 })))
}
