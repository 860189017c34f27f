/** The kinds of callers of the authorisation matrix, by what they hold. The matrix tries each of them, and the reference counts them. */

/** Those who are refused whatever they ask for. */
export const refused_callers = [
  'nobody, without any key',
  'an empty bearer',
  'another scheme with a good key',
  'a key that was never given',
  'a key that is no key',
  'a revoked key',
  'an expired key',
  'a key of a suspended merchant',
  'a key without the scope',
  'a signature by a key that is nobody’s',
  'a signature with a revoked key',
  'a signature of another method',
  'a signature of another target',
  'a signature for another installation',
  'a signature from too long ago',
  'a signature beside a good key',
] as const;

/** Of requests that have a body. */
export const refused_caller_of_bodies = 'a signature of another body';

/** Those who may ask, and find nothing of what is not theirs. */
export const foreign_callers = [
  "another merchant's key",
  'a live key on test data',
  'a test key on live data',
  "another merchant's signature",
  'a live signature on test data',
] as const;

/** Operations whose requests name no object, so that nobody can name a foreign one. */
export const operations_without_objects: readonly string[] = [
  'create_webhook_endpoint',
  'create_store',
  'create_plate_batch',
  'claim_plate',
  'create_statement',
  'create_checkout_session',
  'update_cashier_settings',
  'create_rule_set',
  'explain_routing',
  'simulate_routing',
];
