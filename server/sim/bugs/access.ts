import type { PlantedBug } from './bug.ts';

/** Who may see, ask and be called. */
export const bugs_of_access: readonly PlantedBug[] = [
  {
    id: 'no-tenant-on-read',
    file: 'server/payments/store.ts',
    find: 'where p.merchant_id = $1 and p.id = $2 order by a.id` };',
    replace: 'where $1::text is not null and p.id = $2 order by a.id` };',
    harm: "whoever has an id reads another merchant's payment",
    noticed_by: { file: 'server/testing/matrix.test.ts', test: 'retrieve_payment shows and changes nothing of another merchant or mode' },
  },
  {
    id: 'rules-name-any-account',
    file: 'server/routing/rules/rule-set.ts',
    find: 'if (!own_accounts.has(account_id)) return',
    replace: 'if (own_accounts.size < 0) return',
    harm: "rules of one merchant send its payments to another's account, and tell which accounts there are",
    noticed_by: {
      file: 'server/testing/matrix-ids.test.ts',
      test: 'create_rule_set body rules[].use.accounts[]: not there, whoever has it, and nothing changes',
    },
  },
  {
    id: 'key-without-its-request',
    file: 'server/platform/idempotency/idempotency.ts',
    find: 'if (row.operation !== operation || !row.request_hash.equals(call.request_hash)) throw',
    replace: 'if (row.operation !== operation) throw',
    harm: 'a second order under a used key is answered with the first one, and never made',
    noticed_by: 'seeds',
  },
  {
    id: 'nonce-is-used-again',
    file: 'server/platform/vault/vault.ts',
    find: 'const nonce = rng.bytes(nonce_bytes);',
    replace: 'const nonce = Buffer.alloc(nonce_bytes, rng.bytes(1).length);',
    harm: 'sealed values of one key can be opened by comparing them',
    noticed_by: { file: 'server/platform/vault/vault.test.ts', test: 'holds nothing of its text, and never the same nonce twice (I-47)' },
  },
  {
    id: 'body-is-logged',
    file: 'server/platform/http/server.ts',
    find: 'error: edge.error_code,',
    replace: 'error: edge.error_code, body: JSON.stringify(request.body),',
    harm: 'payment codes and payers stand in the log of every node',
    noticed_by: { file: 'server/testing/canaries.test.ts', test: 'none is in the log' },
  },
  {
    id: 'private-address-may-be-called',
    file: 'server/platform/egress/connector.ts',
    find: 'else if (addresses.some((address) => refusal(address) !== undefined))',
    replace: 'else if (addresses.length > 99 && addresses.some((address) => refusal(address) !== undefined))',
    harm: 'a webhook reaches the machines behind the firewall',
    noticed_by: { file: 'server/platform/egress.test.ts', test: 'F-04: a name that has moved inside since it was saved is refused, and nothing is connected' },
  },
];
