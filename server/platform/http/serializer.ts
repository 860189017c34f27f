import SerializerSelector from '@fastify/fast-json-stringify-compiler';

type Factory = ReturnType<typeof SerializerSelector>;
type Serialize = ReturnType<ReturnType<Factory>>;

/** By the schema alone: nodes of one process share what is compiled. */
const compiled = new WeakMap<object, Serialize>();

/**
 * Fastify's own compiler of answers, at the first answer of each schema. At a start it would compile hundreds, of which a node
 * may never need most: that was a fourteenth of the time until the first request is served (2026-11-22).
 */
export const serializeOnDemand: Factory = (external_schemas, options) => {
  const compileNow = SerializerSelector()(external_schemas, options);
  return (route) => {
    const { schema } = route;
    if (typeof schema !== 'object' || schema === null) return compileNow(route);
    return (value) => {
      const serialize = compiled.get(schema) ?? compileNow(route);
      compiled.set(schema, serialize);
      return serialize(value);
    };
  };
};
