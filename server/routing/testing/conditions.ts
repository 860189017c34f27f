import fc from 'fast-check';

/** Conditions of any depth over these, in every way in which CEL joins them. */
export const conditionsOf = (atom: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.letrec<{ condition: string }>((tie) => ({
    condition: fc.oneof(
      { depthSize: 'small' },
      atom,
      fc.tuple(tie('condition'), fc.constantFrom('&&', '||'), tie('condition')).map(([x, op, y]) => `(${x} ${op} ${y})`),
      tie('condition').map((x) => `!(${x})`),
      fc.tuple(tie('condition'), tie('condition'), tie('condition')).map(([x, y, z]) => `(${x} ? ${y} : ${z})`),
    ),
  })).condition;
