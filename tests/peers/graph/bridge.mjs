// Two clients that are not ours, asked over standard input: a line of JSON for a request, a line of JSON for what came
// of it. `graph` is Microsoft's client of Graph, `odata` (o.js) knows OData and nothing of Graph.
import { createInterface } from "node:readline";
import { Client, HTTPMessageHandler, RetryHandler, RetryHandlerOptions } from "@microsoft/microsoft-graph-client";
import { o } from "odata";

const [url, token] = [process.env.TENANT, process.env.TENANT_TOKEN];
const authorization = (mine) => ({ Authorization: `Bearer ${mine ?? token}` });

// The client's own handler of tokens sends none without TLS; a chain of one's own is how it is told otherwise.
class Bearer {
  constructor(mine) {
    this.mine = mine;
  }
  async execute(context) {
    context.options.headers = { ...context.options.headers, ...authorization(this.mine) };
    await this.next.execute(context);
  }
  setNext(next) {
    this.next = next;
  }
}

function client(mine) {
  const bearer = new Bearer(mine);
  const retry = new RetryHandler(new RetryHandlerOptions());
  bearer.setNext(retry);
  retry.setNext(new HTTPMessageHandler());
  return Client.initWithMiddleware({ middleware: bearer, baseUrl: `${url}/` });
}

async function graph({ method, version, path, body, query, mine }) {
  const request = client(mine).api(path).version(version ?? "v1.0");
  const { filter, select, orderby, top, skip, count, ...others } = query ?? {};
  if (filter !== undefined) request.filter(filter);
  if (select !== undefined) request.select(select);
  if (orderby !== undefined) request.orderby(orderby);
  if (top !== undefined) request.top(top);
  if (skip !== undefined) request.skip(skip);
  if (count !== undefined) request.count(count);
  request.query(others);
  return request[method](body);
}

async function odata({ method, version, path, body, query, mine }) {
  const headers = { ...authorization(mine), "Content-Type": "application/json" };
  const handler = o(`${url}/${version ?? "v1.0"}/`, { headers });
  const named = Object.fromEntries(Object.entries(query ?? {}).map(([name, value]) => [`$${name}`, value]));
  const response = await handler[method](path, body).fetch(named);
  if (response.status >= 400) {
    const { error } = await response.json();
    throw Object.assign(new Error(error.message), { statusCode: response.status, code: error.code });
  }
  return response.status === 204 ? undefined : response.json();
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  let answer;
  try {
    answer = { value: (await { graph, odata }[request.client](request)) ?? null };
  } catch (error) {
    const { statusCode, code, message, requestId, body } = error;
    answer = { error: { statusCode, code, message, requestId, body } };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
