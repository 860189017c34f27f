import { sql } from 'kysely';
import type { Query, Rule } from '../rule.ts';
import type { Scope } from '../scope.ts';

/** A sealed value as platform/vault writes it: version 1, key id (30 bytes), nonce (12), ciphertext, tag (16). */
const sealed_bytes_min = 1 + 30 + 12 + 16;

const named = (key: readonly string[]) => sql.join(key.map((column) => sql`t.${sql.ref(column)}`));

/** Values of each sealed column that are not in the vault's form, or are sealed under no data key of ours. */
const unsealed = (of: Scope): Query[] =>
  of.catalogue.sealed.map(({ table, column, key }) => {
    const value = sql`t.${sql.ref(column)}`;
    return sql`select ${sql.lit(table)}::text as table_name, ${sql.lit(column)}::text as column_name, ${named(key)}, octet_length(${value}) as bytes
      from ${of.table(table)} t left join data_keys k on convert_to(k.id, 'UTF8') = substr(${value}, 2, 30)
      where ${value} is not null and (octet_length(${value}) < ${sql.lit(sealed_bytes_min)} or substr(${value}, 1, 1) <> '\\x01'::bytea or k.id is null)`;
  });

/** The same key and nonce twice gives away both texts. All sealed values of all tables are compared. */
function repeatedNonces(of: Scope): Query {
  const values = of.catalogue.sealed.map(({ table, column, key }) => {
    const place = sql.join(
      key.map((each) => sql`t.${sql.ref(each)}::text`),
      sql` || '/' || `,
    );
    const value = sql`t.${sql.ref(column)}`;
    return sql`select substr(${value}, 2, 42) as nonce, ${sql.lit(`${table}.${column} `)} || ${place} as place from ${sql.table(table)} t where ${value} is not null`;
  });
  return sql`select min(place) as place, max(place) as other_place, count(*) as sealed from (${sql.join(values, sql` union all `)}) v group by nonce having count(*) > 1`;
}

/** What holds of keys and of everything that is sealed. */
export const security_rules: readonly Rule[] = [
  {
    id: 'I-47.1',
    area: 'security',
    severity: 2,
    class: 'S',
    title: {
      zh: '每个加密列的值都是由库中数据密钥封装的密文',
      en: 'every value of a sealed column is in the form of the vault, under a data key that is there',
    },
    remedy: {
      zh: '可能写入了明文，或数据密钥被删：保留备份；若是明文，更换其中的密钥。',
      en: 'Plain text was written, or a data key was deleted: keep a backup, and change the secret where it is plain.',
    },
    names: ['table_name', 'column_name', 'merchant_id'],
    since: 'touched',
    queries: unsealed,
  },
  {
    id: 'I-47.2',
    area: 'security',
    severity: 2,
    class: 'S',
    title: { zh: '同一数据密钥下没有重复的随机数', en: 'no nonce is used twice under a data key' },
    remedy: {
      zh: '停止写入，检查各节点的随机源（尤其是克隆的虚拟机），再更换受影响的密钥。',
      en: 'Stop writing, check the randomness of the nodes (cloned machines above all), then change the secrets concerned.',
    },
    names: ['place', 'other_place'],
    since: 'everything',
    queries: (of) => [repeatedNonces(of)],
  },
  {
    id: 'I-47.3',
    area: 'security',
    severity: 2,
    class: 'S',
    title: { zh: '有可用的数据密钥，且每个都由主密钥包裹', en: 'there is an active data key, and each is wrapped by a master key' },
    remedy: { zh: '从备份恢复 data_keys 表：没有它，密文无法读出。', en: 'Restore data_keys from a backup: without it nothing sealed can be read.' },
    names: ['data_key_id'],
    since: 'everything',
    queries: () => [
      sql`select id as data_key_id, octet_length(wrapped) as bytes, wrapping_key from data_keys where octet_length(wrapped) <> 60 or wrapping_key !~ '^[0-9a-f]{16}$'`,
      sql`select null::text as data_key_id, 0 as bytes, null::text as wrapping_key where not exists (select 1 from data_keys where state = 'active')`,
    ],
  },
  {
    id: 'I-47.4',
    area: 'security',
    severity: 2,
    class: 'S',
    title: { zh: '有结果的尝试不再保存付款码与付款人信息', en: 'an attempt that rests keeps no payment code and nothing of the request that was personal' },
    remedy: { zh: '将该行的 request_sealed 置空，并报告。', en: 'Set request_sealed of the row to null, and report it.' },
    names: ['merchant_id', 'attempt_id'],
    since: 'touched',
    queries: (of) => [
      sql`select merchant_id, id as attempt_id, state from ${of.attempts} a where state in ('succeeded', 'refused', 'closed') and request_sealed is not null`,
    ],
  },
  {
    id: 'I-47.5',
    area: 'security',
    severity: 2,
    class: 'S',
    title: { zh: '渠道设置的明文部分与 API 密钥表里没有密钥', en: 'no key stands in the open, in settings of channels or in the table of API keys' },
    remedy: { zh: '更换这把密钥：它已出现在数据库与备份中。', en: 'Change this key: it is in the database and its backups.' },
    names: ['merchant_id', 'id'],
    since: 'everything',
    queries: () => [
      sql`select merchant_id, channel_account_id as id, version from channel_account_versions where settings::text ~ 'PRIVATE KEY'`,
      sql`select merchant_id, id, null::integer as version from api_keys where octet_length(secret_hash) <> 32 or length(last4) > 4`,
    ],
  },
];
