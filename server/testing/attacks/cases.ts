/**
 * The critical and high cases of groups A, B, E, F and J of the attack list: those that tests carry by their id, and
 * those that attack something which Heliu does not have yet, each with the reason. A case leaves the second list when
 * what it attacks arrives.
 */
export const attacks_tested = {
  A: ['A-01', 'A-02', 'A-03', 'A-04', 'A-05', 'A-07', 'A-08', 'A-09', 'A-10', 'A-11', 'A-12', 'A-13', 'A-14', 'A-15', 'A-16', 'A-17', 'A-19', 'A-21'],
  B: ['B-01', 'B-02', 'B-03', 'B-04', 'B-05', 'B-06', 'B-07', 'B-08', 'B-09', 'B-11', 'B-12', 'B-13', 'B-14', 'B-15', 'B-17', 'B-20', 'B-21'],
  E: ['E-01', 'E-02', 'E-04', 'E-05', 'E-07', 'E-08', 'E-10'],
  F: ['F-01', 'F-02', 'F-03', 'F-04', 'F-05', 'F-06', 'F-07', 'F-08', 'F-10', 'F-11', 'F-13', 'F-15'],
  J: ['J-01', 'J-02', 'J-03', 'J-04', 'J-05', 'J-06', 'J-07', 'J-08', 'J-09', 'J-11', 'J-12', 'J-13', 'J-17'],
} as const;

/** Medium and low cases of the same groups that are tested as well. */
export const lesser_attacks_tested = [
  ...['A-06', 'A-20', 'A-22', 'A-23', 'A-24', 'A-25'],
  ...['B-10', 'B-16'],
  ...['E-09'],
  ...['F-09', 'F-12', 'F-14'],
] as const;

/** Those of the first list of which Heliu does not have all that they attack: what is attacked, and what is not there. */
export const attacks_tested_in_part: Readonly<Record<string, string>> = {
  'E-02': 'Agents 代理商 have no key and no login: what an agent gets is its statement, and that is attacked.',
  'E-10': 'Agents have no share rates yet: their tree is attacked.',
  'J-08': 'The PINs of supervisors are 6 to 12 digits by declaration; there are no longer passwords and no recovery codes.',
};

export const attacks_without_a_target: Readonly<Record<string, string>> = {
  'E-06':
    'The application is the only role of the database and the tables have no row-level security: isolation is the statements’, which E-01 and E-05 attack.',
  'J-10':
    'Nothing is chained: history and the steps of persons stand in the database, whose owner can rewrite them; there is no audit log whose head is kept elsewhere yet.',
  'J-15': 'There is no backup tool yet: backups are PostgreSQL’s, in which every secret is sealed (J-04).',
};
