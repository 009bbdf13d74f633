// The API's page: renders openapi.json, without anything from elsewhere.

import { h } from "./dom.js";
import { markdown } from "./markdown.js";

const description = await (await fetch("openapi.json")).json();
const about = document.querySelector("#about");
const link = h("a", { href: "openapi.json" }, "openapi.json");
about.replaceChildren(`${description.info.title}, version ${description.info.version} · OpenAPI ${description.openapi} · `, link);

const operations = Object.entries(description.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => render(method, path, operation)),
);
document.querySelector("#operations").append(...operations);

function render(method, path, operation) {
  const parts = markdown(operation.description || operation.summary);
  const parameters = (operation.parameters || []).filter((parameter) => parameter.name !== "shopdesk_visitor");
  if (parameters.length) parts.push(h("h3", {}, "Parameters"), fields(parameters.map(parameterField)));
  const body = operation.requestBody?.content["application/json"]?.schema;
  if (body) parts.push(h("h3", {}, "Body"), ...schemaParts(body));
  parts.push(h("h3", {}, "Responses"));
  for (const [status, response] of Object.entries(operation.responses)) parts.push(answer(status, response));
  const name = h("code", { class: "path" }, path);
  const summary = h("summary", {}, h("span", { class: `method ${method}` }, method.toUpperCase()), name, h("span", {}, operation.summary));
  return h("details", { class: "operation" }, summary, h("div", { class: "inside" }, ...parts));
}

function parameterField(parameter) {
  return [parameter.name, `${parameter.in}, ${typeOf(parameter.schema)}`, parameter.required, parameter.description];
}

function answer(status, response) {
  const [type, content] = Object.entries(response.content || {})[0] || [];
  const line = h("p", { class: "status" }, h("code", {}, status), ` ${response.description}`, type ? h("span", { class: "type" }, type) : null);
  const shape = type === "application/json" && content.schema ? schemaParts(content.schema) : [];
  return h("div", {}, line, ...shape);
}

/** The fields of an object, and of the objects inside it, each under its own name. */
function schemaParts(schema, seen = new Set()) {
  const name = nameOf(schema);
  const object = resolve(schema);
  if (!object.properties || seen.has(name)) return [];
  seen.add(name);
  const required = new Set(object.required || []);
  const rows = Object.entries(object.properties).map(([key, value]) => [key, typeOf(value), required.has(key), value.description]);
  const inner = Object.values(object.properties).flatMap((value) => [value.items, ...(value.anyOf || []), value].filter((part) => part && nameOf(part)));
  return [h("p", { class: "shape" }, name), fields(rows), ...inner.flatMap((part) => schemaParts(part, seen))];
}

function fields(rows) {
  const row = ([name, type, required, text]) =>
    h("tr", {}, h("th", { scope: "row" }, h("code", {}, name), required ? null : h("span", { class: "optional" }, "optional")), h("td", {}, type), h("td", {}, text || ""));
  return h("table", {}, ...rows.map(row));
}

function typeOf(schema) {
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" or ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.const) return JSON.stringify(schema.const);
  if (schema.type === "array") return `list of ${typeOf(schema.items || {})}`;
  return nameOf(schema) || schema.type || "any";
}

function nameOf(schema) {
  return schema.$ref ? schema.$ref.split("/").pop() : "";
}

function resolve(schema) {
  return schema.$ref ? description.components.schemas[nameOf(schema)] : schema;
}
