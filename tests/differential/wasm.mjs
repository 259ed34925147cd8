// The peer @cedar-policy/cedar-wasm: what it makes of a world, in the form in which writ_answers
// answers. It has strict validation alone.
import { createRequire } from 'node:module';

import { text } from './json.mjs';

export class WasmPeer {
  constructor(folder) {
    this.cedar = createRequire(`${folder}/`)('@cedar-policy/cedar-wasm/nodejs');
    this.version = this.cedar.getCedarSDKVersion();
    JSON.stringify = text; // by which cedar-wasm reads what it is given
  }

  answer(world, writ) {
    const { cedar } = this;
    const made = {};
    made.schema = cedar.preparseSchema('schema', world.schema).type === 'success';
    if (made.schema && world.forms) made.schema = cedar.schemaToJson(world.schema).json;
    made.policies = this.policies(world, writ, 'policies', cedar.policyToJson);
    made.templates = this.policies(world, writ, 'templates', cedar.templateToJson);
    const kept = (texts, answers) =>
      Object.fromEntries(Object.entries(texts).filter(([id]) => answers[id]));
    const set = {
      staticPolicies: kept(world.policies, made.policies),
      templates: kept(world.templates, made.templates),
      templateLinks: [],
    };
    made.links = {};
    for (const link of world.links) {
      const one = { templates: set.templates, templateLinks: [link] };
      made.links[link.newId] = cedar.checkParsePolicySet(one).type === 'success';
      if (made.links[link.newId]) set.templateLinks.push(link);
    }
    const parse = cedar.preparsePolicySet('set', set);
    if (parse.type !== 'success') throw new Error(JSON.stringify(parse));
    if (made.schema) {
      const verdict = cedar.validate({ schema: world.schema, policies: set });
      if (verdict.type !== 'success') throw new Error(JSON.stringify(verdict));
      const ids = (list) => Object.fromEntries(list.map((each) => [each.policyId, each.error.message]));
      made.strict = { errors: ids(verdict.validationErrors), warnings: ids(verdict.validationWarnings) };
    }
    made.plain = this.decide(world, {});
    if (made.schema) made.typed = this.decide(world, { preparsedSchemaName: 'schema', validateRequest: true });
    return made;
  }

  policies(world, writ, member, toJson) {
    const { cedar } = this;
    return Object.fromEntries(Object.entries(world[member]).map(([id, text]) => {
      const read = toJson(text);
      if (read.type !== 'success' || !world.forms) return [id, read.type === 'success'];
      const format = cedar.formatPolicies({ policyText: text });
      const again = writ[member][id] ? toJson(writ[member][id].printed) : null;
      return [id, {
        json: read.json,
        formatted: format.formatted_policy ?? format.errors[0].message,
        printed: again?.json ?? again?.errors[0].message ?? null,
      }];
    }));
  }

  decide(world, schema) {
    const { cedar } = this;
    return world.requests.map((request) => {
      const answer = cedar.statefulIsAuthorized({ ...request, ...schema, preparsedPolicySetId: 'set',
        entities: world.entities });
      if (answer.type !== 'success') return false;
      const { decision, diagnostics } = answer.response;
      return { decision, reasons: diagnostics.reason,
        errors: Object.fromEntries(diagnostics.errors.map((each) => [each.policyId, each.error.message])) };
    });
  }
}
