import { audit, changes } from '#platform/audit.ts'
import type { PricingTx } from '#platform/databases.ts'
import type { Publisher } from '#platform/events.ts'
import { FieldImmutable, VersionMismatch } from '#platform/http-errors.ts'
import { applyMergePatch } from '#platform/patches.ts'
import type { Principal } from '#platform/principal.ts'
import type { PageOf } from '#platform/schemas.ts'
import { engineRule } from './catalogue.ts'
import type { PricingEvents } from './contract.ts'
import { checkRule } from './engine/check-rule.ts'
import { CustomerReferenceNotFound, PricingRuleNotFound, TariffVersionReferenceNotFound, VersionPublished } from './errors.ts'
import type { Customers } from './neighbours.ts'
import { orRefusal } from './refusals.ts'
import type { NewRuleRow, RuleRepository, RuleRow } from './rule-repository.ts'
import type { ListPricingRules, NewPricingRule, PricingRule, PricingRulePatch } from './schemas.ts'
import type { TariffRepository } from './tariff-repository.ts'

/** Members of a rule that every price it made rests on. */
const fixedMembers = ['code', 'kind', 'tariffVersionId', 'customerId'] as const

interface RuleNeeds {
  repository: RuleRepository
  tariffs: Pick<TariffRepository, 'findVersionById' | 'lockTariff'>
  customers: Customers
  publish: Publisher<PricingEvents, PricingTx>
  /** The prices in force have changed. */
  pricesChanged: () => void
}

/** Pricing rules: free ones, and ones attached to a draft. A change makes a new number; the content before it stays readable. */
export function createRules({ repository, tariffs, customers, publish, pricesChanged }: RuleNeeds) {
  return {
    listRules: (query: ListPricingRules): Promise<PageOf<PricingRule>> => repository.list(query),

    requireRule: ({ id }: { id: number }): Promise<PricingRule> => requireRule(id),

    async ruleHistory({ id }: { id: number }): Promise<{ data: PricingRule[] }> {
      const revisions = await repository.history(id)
      if (revisions.length === 0) throw PricingRuleNotFound({ id })
      return { data: revisions.map(({ ruleId, recordedAt, ...revision }) => ({ id: ruleId, ...revision, updatedAt: recordedAt })) }
    },

    async createRule(input: NewPricingRule, _actor: Principal): Promise<PricingRule> {
      const row: NewRuleRow = {
        code: input.code,
        kind: input.kind,
        name: input.name ?? null,
        tariffVersionId: input.tariffVersionId ?? null,
        customerId: input.customerId ?? null,
        conditions: (input.conditions ?? null) as NewRuleRow['conditions'],
        action: input.action,
        sequence: input.sequence ?? null,
        priority: input.priority ?? 0,
        effectiveFrom: input.effectiveFrom,
        effectiveTo: input.effectiveTo ?? null,
        enabled: input.enabled ?? true,
      }
      checkContent(row)
      if (row.customerId !== null && row.customerId !== undefined) await requireCustomer(row.customerId)
      const created = await repository.inTransaction(async (tx) => {
        await requireDraftOf(tx, row.tariffVersionId ?? null)
        const id = await repository.insert(tx, row)
        return record(tx, 'pricing_rule.created', id, undefined)
      })
      pricesChanged()
      return created
    },

    async updateRule(
      { id, patch, expectedVersion }: { id: number; patch: PricingRulePatch; expectedVersion: number },
      _actor: Principal,
    ): Promise<PricingRule> {
      return change(id, expectedVersion, (rule) => {
        for (const member of fixedMembers) {
          if (patch[member] !== undefined && patch[member] !== rule[member]) throw FieldImmutable({ path: `/${member}` })
        }
        // Condition trees and actions are documents: merged by members they would mean something nobody wrote.
        const { conditions, action, ...members } = patch
        return {
          ...applyMergePatch(rule, members).next,
          ...(conditions === undefined ? {} : { conditions: conditions as RuleRow['conditions'] }),
          ...(action === undefined ? {} : { action }),
        }
      })
    },

    enableRule: ({ id, expectedVersion }: { id: number; expectedVersion: number | undefined }, _actor: Principal): Promise<PricingRule> =>
      change(id, expectedVersion, (rule) => ({ ...rule, enabled: true })),

    disableRule: ({ id, expectedVersion }: { id: number; expectedVersion: number | undefined }, _actor: Principal): Promise<PricingRule> =>
      change(id, expectedVersion, (rule) => ({ ...rule, enabled: false })),
  }

  async function change(id: number, expectedVersion: number | undefined, next: (rule: RuleRow) => RuleRow): Promise<PricingRule> {
    const changed = await repository.inTransaction(async (tx) => {
      const rule = await requireRule(id, tx)
      if (expectedVersion !== undefined && rule.version !== expectedVersion) throw VersionMismatch({ current: rule.version })
      await requireDraftOf(tx, rule.tariffVersionId)
      const wanted = next(rule)
      const { before } = changes(rule, wanted)
      if (before === undefined || Object.keys(before).length === 0) return rule
      checkContent(wanted)
      const { id: _, number: _number, version, createdAt: _created, updatedAt: _updated, ...row } = wanted
      if (!(await repository.update(tx, id, rule.version, row))) throw VersionMismatch({ current: version + 1 })
      return record(tx, 'pricing_rule.changed', id, rule)
    })
    pricesChanged()
    return changed
  }

  async function record(tx: PricingTx, action: string, id: number, before: RuleRow | undefined): Promise<RuleRow> {
    const rule = await requireRule(id, tx)
    await audit(tx, { action, subject: `pricing_rule/${id}`, ...(before ? changes(before, rule) : { after: rule }) })
    await publish(tx, 'pricing_rule.changed', id, {
      ruleId: id,
      code: rule.code,
      number: rule.number,
      effectiveFrom: rule.effectiveFrom,
      enabled: rule.enabled,
      version: rule.version,
    })
    return rule
  }

  async function requireRule(id: number, tx?: PricingTx): Promise<RuleRow> {
    const rule = await repository.find(id, tx)
    if (!rule) throw PricingRuleNotFound({ id })
    return rule
  }

  async function requireCustomer(id: number): Promise<void> {
    if (await customers.getCustomer({ id })) return
    throw CustomerReferenceNotFound(
      { id },
      { faults: [{ in: 'body', path: '/customerId', code: 'CUSTOMER_NOT_FOUND', message: 'is no customer', value: String(id) }] },
    )
  }

  /** A rule of a version is part of its content: it changes only while that is a draft. Under the tariff's row lock, so that no publication comes between. */
  async function requireDraftOf(tx: PricingTx, tariffVersionId: number | null): Promise<void> {
    if (tariffVersionId === null) return
    const seen = await tariffs.findVersionById(tariffVersionId, tx)
    if (seen) await tariffs.lockTariff(tx, seen.tariffId)
    const version = await tariffs.findVersionById(tariffVersionId, tx)
    if (!version) {
      throw TariffVersionReferenceNotFound(
        { id: tariffVersionId },
        {
          faults: [
            {
              in: 'body',
              path: '/tariffVersionId',
              code: 'TARIFF_VERSION_NOT_FOUND',
              message: 'is no version of a tariff',
              value: String(tariffVersionId),
            },
          ],
        },
      )
    }
    if (version.state !== 'draft') throw VersionPublished({ tariffId: version.tariffId, number: version.number })
  }
}
export type Rules = ReturnType<typeof createRules>

/** What a rule says must make sense to the engine before it is saved. */
function checkContent(row: NewRuleRow): void {
  orRefusal(() => checkRule(engineRule({ ...row, id: 0, number: 0, name: null, sequence: row.sequence ?? null } as RuleRow)))
}
