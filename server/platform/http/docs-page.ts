import {
  type ErrorCode,
  errors,
  errorText,
  event_types,
  examples,
  methods,
  type Operation,
  type OperationExample,
  refusal_reasons,
  tagOf,
} from '@heliu/contract';
import { fieldTable } from './docs-fields.ts';
import { docs_style } from './docs-style.ts';
import { type Language, words } from './docs-words.ts';
import { type Html, html } from './html.ts';

export type DocsInput = { readonly operations: readonly Operation[]; readonly public_url: string; readonly version: string; readonly language: Language };

/** The reference page: whole in one document, without scripts and without anything from elsewhere. */
export function docsPage(input: DocsInput): string {
  const t = words[input.language];
  const other = input.language === 'zh' ? 'en' : 'zh';
  return html`<!doctype html>
<html lang="${t.html_lang}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${t.title}</title><style>${{ html: docs_style }}</style></head>
<body>${contents(input)}
<main>
<p><a href="?lang=${other}" hreflang="${other}" lang="${words[other].html_lang}">${t.other_language}</a></p>
<h1>${t.title}</h1>
<p>${t.lead}</p>
<p class="soft">${t.machine}<a href="/openapi.json">OpenAPI 3.1</a> · ${input.version}</p>
${basics(t)}
<h2 id="operations">${t.operations}</h2>
${input.operations.map((operation) => describe(operation, input))}
${tables(input.language)}
</main></body></html>
`.html;
}

type Words = (typeof words)[Language];

function contents({ operations, language }: DocsInput): Html {
  const t = words[language];
  const by_tag = [...Map.groupBy(operations, tagOf)];
  return html`<nav aria-label="${t.contents}"><strong>${t.basics}</strong><ul>${(
    ['authentication', 'idempotency', 'pages', 'unknown', 'methods', 'events', 'errors', 'refusals'] as const
  ).map((section) => html`<li><a href="#${section}">${t[section]}</a></li>`)}</ul>${by_tag.map(
    ([tag, members]) =>
      html`<strong>${tag}</strong><ul>${members.map((operation) => html`<li><a href="#${operation.id}">${summaryOf(operation, language)}</a></li>`)}</ul>`,
  )}</nav>`;
}

const summaryOf = (operation: Operation, language: Language): string => (language === 'zh' ? operation.summary_zh : operation.summary);

const basics = (t: Words): Html => html`<h2 id="authentication">${t.authentication}</h2><p>${t.authentication_key}</p><p>${t.authentication_signature}</p>
<h2 id="idempotency">${t.idempotency}</h2><p>${t.idempotency_text}</p>
<h2 id="pages">${t.pages}</h2><p>${t.pages_text}</p>
<h2 id="unknown">${t.unknown}</h2><p>${t.unknown_text}</p>`;

function describe(operation: Operation, { language, public_url }: DocsInput): Html {
  const t = words[language];
  const parameters = {
    properties: { ...operation.params?.properties, ...operation.query?.properties },
    required: Object.keys(operation.params?.properties ?? {}),
  };
  const example = examples[operation.id];
  return html`<section><h3 id="${operation.id}">${summaryOf(operation, language)}</h3>
<p><span class="route"><span class="${operation.method}">${operation.method}</span> ${operation.path}</span> <span class="soft">· ${t.scope} <code>${operation.scope}</code></span></p>
${Object.keys(parameters.properties).length > 0 && html`<h4>${t.parameters}</h4>${fieldTable(parameters, t)}`}
${operation.body && html`<h4>${t.body}</h4>${fieldTable(operation.body, t)}`}
${example && html`<h4>${t.example}</h4><pre><code>${curl(operation, example, public_url)}</code></pre><pre><code>${JSON.stringify(example.response, null, 2)}</code></pre>`}
<details><summary>${t.response} ${operation.status}</summary>${fieldTable(operation.response, t)}</details>
<p class="soft">${t.own_errors}: ${operation.errors.map((code) => html`<a href="#error-${code}"><code>${code}</code></a> `)}${t.common_errors}</p>
</section>`;
}

/** A line for a shell that makes the example's call. */
export function curl(operation: Operation, example: OperationExample, public_url: string): string {
  const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(example.params?.[name] ?? ''));
  const query = new URLSearchParams(Object.entries(example.query ?? {}).map(([name, value]): [string, string] => [name, String(value)])).toString();
  const lines = [`curl ${quote(`${public_url}${path}${query === '' ? '' : `?${query}`}`)}`, '-H "Authorization: Bearer $HELIU_API_KEY"'];
  if (operation.method === 'POST') lines.push('-X POST', '-H "Idempotency-Key: $(uuidgen)"');
  if (example.body !== undefined) lines.push("-H 'Content-Type: application/json'", `-d ${quote(JSON.stringify(example.body))}`);
  return lines.join(' \\\n  ');
}

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

function tables(language: Language): Html {
  const t = words[language];
  const one = language === 'zh' ? 'zh' : 'en';
  return html`<h2 id="methods">${t.methods}</h2>${table(
    [t.code, t.meaning],
    Object.entries(methods).map(([code, method]) => [html`<code>${code}</code>`, method[one]]),
  )}
<h2 id="events">${t.events}</h2>${table(
    [t.type, t.meaning],
    Object.entries(event_types).map(([type, entry]) => [html`<code>${type}</code>`, entry[one]]),
  )}
<h2 id="errors">${t.errors}</h2><p>${t.errors_text}</p>${errorTable(language)}
<h2 id="refusals">${t.refusals}</h2>${table(
    [t.code, t.meaning],
    Object.entries(refusal_reasons).map(([code, [en, zh]]) => [html`<code>${code}</code>`, language === 'zh' ? zh : en]),
  )}`;
}

function errorTable(language: Language): Html {
  const t = words[language];
  const rows = (Object.keys(errors) as ErrorCode[]).map((code) => {
    const { message, message_zh } = errorText(code);
    return html`<tr id="error-${code}"><td><code>${code}</code></td><td>${errors[code].status}</td><td>${language === 'zh' ? message_zh : message}</td><td>${errors[code].retryable && t.yes}</td></tr>`;
  });
  return html`<div class="wide"><table><thead><tr><th>${t.code}</th><th>${t.status}</th><th>${t.meaning}</th><th>${t.retryable}</th></tr></thead><tbody>${rows}</tbody></table></div>`;
}

const table = (heads: readonly string[], rows: readonly (readonly (Html | string)[])[]): Html =>
  html`<div class="wide"><table><thead><tr>${heads.map((head) => html`<th>${head}</th>`)}</tr></thead><tbody>${rows.map((row) => html`<tr>${row.map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody></table></div>`;
