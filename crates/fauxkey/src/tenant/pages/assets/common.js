// What all pages share: asking, and saying what came of it.
const $ = (id) => document.getElementById(id);
const element = (name, properties, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};
const say = (text) => { $("said").textContent = text; };

// { value } or { refused }, and the status.
const ask = async (method, path, body) => {
  try {
    const answer = await fetch(path, {
      method,
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    const value = text ? JSON.parse(text) : null;
    if (answer.ok) return { status: answer.status, value };
    return { status: answer.status, refused: refusalOf(value?.error ?? {}) };
  } catch {
    return { status: 0, refused: { code: "", message: "fauxkey does not answer: does it still run?", explanation: [] } };
  }
};

// Ours and Graph's errors in one shape. A registration that Graph refuses has its error in the message, as JSON.
const refusalOf = (error) => {
  const inner = error.innerError ?? {};
  let { code = "", message = "" } = error;
  try {
    const nested = JSON.parse(message)["odata.error"];
    code = nested.values?.[0]?.value ?? nested.code;
    message = nested.message.value;
  } catch { /* Not nested. */ }
  return {
    code,
    message,
    number: error.number ?? inner.simNumber,
    hint: error.hint ?? inner.simHint,
    explanation: error.explanation ?? inner.simExplanation ?? [],
  };
};

// What the browser itself ended.
const ended = (error) => ({
  code: error.name,
  message: `the browser ended the ceremony: ${error.message}`,
  hint: error.name === "NotAllowedError"
    ? "no device said yes in time: was the code read (fauxkey hybrid scan), or is a phone plugged in (fauxkey exec), and does its user agree?"
    : undefined,
  explanation: [],
});

// Says in the page's place for it what comes next where another device is asked: a QR code needs Bluetooth.
const tellNext = async () => {
  let hybrid;
  try {
    hybrid = (await PublicKeyCredential.getClientCapabilities()).hybridTransport;
  } catch { /* An older browser. */ }
  const which = { true: "yes", false: "no" }[hybrid] ?? "untold";
  for (const part of document.querySelectorAll("[data-hybrid]")) part.hidden = part.dataset.hybrid !== which;
};

// With a capital and a full stop; `iOS` stays as it is.
const sentence = (text) => (text
  ? `${/^\p{Ll}\p{Lu}/u.test(text) ? text[0] : text[0].toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`
  : "");

const clauses = (explanation) => element("ul", { className: "clauses" }, ...explanation.map(({ clause, holds, says }) =>
  element("li", { className: holds ? "holds" : "fails" },
    element("span", { className: "verdict", textContent: holds ? "✓ passed" : "✗ refused" }),
    element("p", {}, sentence(says), element("br"), element("code", { textContent: clause })))));

const unfold = (title, ...children) =>
  element("details", {}, element("summary", { textContent: title }), ...children);

// Shows a refusal in the page's place for it, and moves there. Without one, hides it.
const refuse = (refused, place = $("refusal")) => {
  place.hidden = !refused;
  if (!refused) return void place.replaceChildren();
  const { code, number, message, hint, explanation } = refused;
  const parts = [element("h2", { textContent: number ? `AADSTS${number}` : "That did not work" })];
  parts.push(element("p", { textContent: sentence(message) }));
  if (hint) parts.push(element("p", { textContent: `To do: ${hint}.` }));
  if (code) parts.push(element("p", { className: "small" }, "Code ", element("code", { textContent: code })));
  if (explanation.length) {
    parts.push(element("h3", { textContent: "What was looked at" }), clauses(explanation));
  }
  place.replaceChildren(...parts);
  place.tabIndex = -1;
  place.focus();
  place.scrollIntoView({ block: "nearest" });
};
