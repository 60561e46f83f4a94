// The phone: sends what a person does to the API, and shows the page anew when the trace says that something happened.
(() => {
  const query = new URLSearchParams(location.search);
  const token = query.get("token");
  const $ = (id) => document.getElementById(id);
  const phone = $("phone");
  if (!token || !phone) return;
  const device = phone.dataset.device;

  // ---- The API ----

  const problem = (text) => {
    $("problem").textContent = text ?? "";
    $("problem").hidden = !text;
  };
  const ask = async (method, path, body) => {
    try {
      const answer = await fetch(`/api/v1/${path}`, {
        method,
        headers: { "Authorization": `Bearer ${token}`, "Content-Type": "application/json" },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
      const text = await answer.text();
      const value = text ? JSON.parse(text) : null;
      if (answer.ok) return { value };
      return { problem: value.hint ? `${value.message} (${value.hint})` : value.message };
    } catch {
      return { problem: "fauxkey does not answer: does it still run?" };
    }
  };
  // Does it, says what was wrong, and shows what there is now.
  const act = async (method, path, body) => {
    const done = await ask(method, path, body);
    problem(done.problem);
    refresh();
    return done;
  };
  const on = (path) => `devices/${encodeURIComponent(device)}/${path}`;

  // ---- What there is ----

  // Parts that are replaced when they change on the server. Forms are in none of them.
  const PARTS = ["devices", "screen", "sheet", "pushes", "policy", "place"];
  const served = new Map(PARTS.map((id) => [id, $(id).outerHTML]));
  let running = null;
  let again = false;
  const refresh = () => {
    // One at a time, and once more if something happened meanwhile.
    if (running) return void (again = true);
    running = show().finally(() => {
      running = null;
      if (again) {
        again = false;
        refresh();
      }
    });
  };
  const show = async () => {
    let text;
    try {
      const answer = await fetch(`/phone?${new URLSearchParams({ token, device })}`);
      if (!answer.ok) return problem("the device is gone");
      text = await answer.text();
    } catch {
      return problem("fauxkey does not answer: does it still run?");
    }
    // Without its style, which this page's policy does not know.
    const part = text.slice(text.indexOf("<main"), text.indexOf("</main>"));
    const fresh = new DOMParser().parseFromString(part, "text/html");
    for (const id of PARTS) {
      const next = fresh.getElementById(id);
      if (!next || next.outerHTML === served.get(id)) continue;
      served.set(id, next.outerHTML);
      replace($(id), next);
    }
    const power = fresh.getElementById("power");
    if (power) {
      $("power").dataset.power = power.dataset.power;
      $("power").textContent = power.textContent;
    }
    rise();
    policy();
    armed();
    codes();
    pushed();
  };
  // What was unfolded stays so, and the focus stays on what has the same name.
  const replace = (old, next) => {
    const unfolded = new Set([...old.querySelectorAll("details[open]")].map((one) => one.dataset.keep));
    for (const one of next.querySelectorAll("details")) one.open = unfolded.has(one.dataset.keep);
    const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
    old.replaceWith(document.adoptNode(next));
    if (focused && $(focused)) $(focused).focus();
  };

  // ---- The question ----

  let risen = "";
  let before = null;
  const later = new Set();
  // Raises the sheet of a new question, and lowers what is over. The focus goes to the sheet and not to an answer, so
  // that a key that was meant for something else approves nothing.
  const rise = () => {
    const sheet = $("sheet").querySelector(".sheet");
    const key = sheet?.dataset.key ?? "";
    const hidden = later.has(sheet?.dataset.number);
    if (sheet) sheet.hidden = hidden;
    $("waiting").hidden = !hidden;
    $("screen").inert = Boolean(sheet) && !hidden;
    if (sheet && !hidden) {
      if (key !== risen) {
        const inside = sheet.contains(document.activeElement);
        if (!risen && !inside) before = document.activeElement?.id || null;
        if (!inside && !document.querySelector("dialog[open]")) sheet.focus();
        const said = ["sheet-title", "sheet-why", "sheet-how"].map((id) => $(id).textContent.trim());
        $("said").textContent = `${device} asks. ${said.join(" ")}`;
      }
      risen = key;
    } else if (risen) {
      risen = "";
      if (!sheet) $("said").textContent = "The question is over.";
      const lost = document.activeElement === document.body;
      if (hidden) $("waiting").querySelector("button").focus();
      else if (lost) (before && $(before) ? $(before) : $("phone-title")).focus();
    }
  };
  const answer = (gesture) => {
    const number = Number($("sheet").querySelector(".sheet").dataset.number);
    act("POST", on("prompt"), { number, gesture });
  };

  // ---- Its user ----

  let known = "";
  const policy = () => {
    const user = $("policy").dataset.user;
    if (user === known) return;
    known = user;
    const { answer, delayMs } = JSON.parse(user);
    if (typeof answer === "string") $("answer").value = answer;
    $("delay").value = delayMs ?? 0;
  };
  $("user-form").addEventListener("submit", (submit) => {
    submit.preventDefault();
    act("PUT", on("user"), { answer: $("answer").value, delayMs: Number($("delay").value) });
  });

  // ---- Faults ----

  const element = (name, properties, ...children) => {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  };
  const kinds = async () => {
    const { value } = await ask("GET", "faults");
    if (!value) return void ($("faults").hidden = true);
    const about = new Map(value.map((kind) => [kind.fault, kind.about]));
    $("fault").replaceChildren(...value.map((kind) => element("option", { value: kind.fault, textContent: kind.fault })));
    const tell = () => ($("fault-about").textContent = `${about.get($("fault").value)}.`);
    $("fault").addEventListener("change", tell);
    tell();
    armed();
  };
  let listed = "";
  const armed = async () => {
    if ($("faults").hidden) return;
    const { value } = await ask("GET", on("faults"));
    const now = JSON.stringify(value);
    if (!value || now === listed) return;
    listed = now;
    const focused = document.activeElement?.id;
    $("armed").replaceChildren(...value.map(({ id, struck, fault }) => {
      const { fault: kind, value, times, ...rest } = fault;
      const where = Object.entries(rest).map(([name, value]) => `, ${name} ${value}`).join("");
      const often = times ? `${times} time${times === 1 ? "" : "s"}` : "until it is disarmed";
      const text = `${kind}${value === undefined ? "" : ` ${value}`}${where}, ${often}; struck ${struck}`;
      const button = { id: `disarm-${id}`, type: "button", textContent: "Disarm", ariaLabel: `Disarm ${kind}` };
      const disarm = element("button", button);
      Object.assign(disarm.dataset, { action: "disarm", fault: id });
      return element("li", {}, text, " ", disarm);
    }));
    if (focused && document.activeElement === document.body) ($(focused) ?? $("fault")).focus();
  };
  $("fault-form").addEventListener("submit", async (submit) => {
    submit.preventDefault();
    const given = (id) => $(id).value.trim() || undefined;
    const number = (id) => Number($(id).value) || undefined;
    const { value } = await act("POST", on("faults"), {
      fault: $("fault").value,
      value: given("fault-value"),
      times: number("fault-times"),
      command: given("fault-command"),
      rpId: given("fault-rp"),
      after: number("fault-after"),
    });
    if (value) $("said").textContent = `${$("fault").value} is armed.`;
  });

  // ---- Names and deletion ----

  const open = (dialog, button) => {
    dialog.dataset.id = button.dataset.id;
    dialog.dataset.from = button.id;
    dialog.showModal();
  };
  // The button may have been replaced, or be gone with its passkey.
  const closed = (dialog) => ($(dialog.dataset.from) ?? $("phone-title")).focus();
  for (const dialog of [$("renaming"), $("deleting"), $("adding"), $("leaving"), $("scanning")]) dialog.addEventListener("close", () => closed(dialog));
  const submitted = (dialog, send) => dialog.addEventListener("submit", async (submit) => {
    submit.preventDefault();
    const path = on(`passkeys/${encodeURIComponent(dialog.dataset.id)}`);
    const done = await send(path, dialog.dataset.id);
    problem(done.problem);
    dialog.close();
    await show();
    closed(dialog);
  });
  submitted($("renaming"), (path) =>
    ask("PATCH", path, { userName: $("new-name").value, userDisplayName: $("new-display").value }));
  submitted($("deleting"), (path) => ask("DELETE", path));

  // ---- The app: accounts, codes, push notifications ----

  submitted($("leaving"), (_, id) => ask("DELETE", on(`accounts/${encodeURIComponent(id)}`)));
  const how = () => {
    for (const field of $("adding").querySelectorAll("[data-how]")) {
      field.hidden = !field.dataset.how.split(" ").includes($("add-how").value);
      field.querySelector("input").required = !field.hidden;
    }
  };
  $("add-how").addEventListener("change", how);
  $("adding").addEventListener("submit", async (submit) => {
    submit.preventDefault();
    const given = (id) => $(id).value.trim() || undefined;
    const kind = $("add-how").value;
    const wanted = { userName: $("add-user").value, tenant: given("add-tenant") };
    if (kind === "pass") wanted.pass = given("add-pass");
    else wanted.password = $("add-password").value;
    if (kind === "code") wanted.code = given("add-code");
    if (kind === "push") wanted.push = true;
    for (const id of ["add-pass", "add-password", "add-code"]) $(id).value = "";
    // The dialog goes first: the phone itself asks for face, finger or PIN.
    $("adding").close();
    problem();
    $("said").textContent = `Signing in as ${wanted.userName}.`;
    let done = await ask("POST", on("accounts"), wanted);
    if (done.value?.waiting) {
      $("number").textContent = `Type ${done.value.number} on the phone that has the account.`;
      done = await ask("POST", on("accounts"), { ...wanted, waiting: done.value.waiting });
      $("number").textContent = "";
    }
    problem(done.problem);
    // Behind what the phone itself has to say of its question.
    await show();
    if (done.value) $("said").textContent = [`${done.value.userName} is added.`, ...(done.value.warnings ?? [])].join(" ");
  });
  // The codes that are shown, until when, by account.
  const shownCodes = new Map();
  const codes = async () => {
    for (const place of document.querySelectorAll("[data-code]")) {
      const id = place.dataset.code;
      let known = shownCodes.get(id);
      if (!known || known.until <= Date.now()) {
        known = { code: known?.code, until: Date.now() + 2000 };
        shownCodes.set(id, known);
        const { value } = await ask("GET", on(`accounts/${encodeURIComponent(id)}/code`));
        if (value) Object.assign(known, { code: value.code, until: Date.now() + value.secondsLeft * 1000 });
        else known.code = undefined;
      }
      const left = Math.max(0, Math.ceil((known.until - Date.now()) / 1000));
      const shown = document.querySelector(`[data-code="${CSS.escape(id)}"]`);
      if (!shown) continue;
      shown.textContent = known.code ? `${known.code.slice(0, 3)} ${known.code.slice(3)}` : "······";
      document.querySelector(`[data-left="${CSS.escape(id)}"]`).textContent = known.code ? `${left} s` : "the tenant does not answer";
    }
  };
  let pushKey = "";
  const pushed = () => {
    const sheet = $("pushes").querySelector(".sheet");
    const key = sheet?.dataset.key ?? "";
    if (key === pushKey) return;
    pushKey = key;
    if (!sheet) {
      if (document.activeElement === document.body) $("phone-title").focus();
      return;
    }
    if (!document.querySelector("dialog[open]") && !$("sheet").querySelector(".sheet")) sheet.focus();
    $("said").textContent = `${device} asks. ${sheet.querySelector("h3").textContent} ${sheet.querySelector("p").textContent.trim()}`;
  };
  const answerPush = async (id, number) => {
    const { problem: wrong } = await act("POST", on(`accounts/${encodeURIComponent(id)}/push`), { number });
    if (!wrong) $("said").textContent = number === null ? "Declined." : "Sent.";
  };
  $("case").addEventListener("submit", (submit) => {
    const form = submit.target.closest("[data-push-form]");
    if (!form) return;
    submit.preventDefault();
    answerPush(form.dataset.pushForm, Number(form.querySelector("input").value));
  });
  // No device tells of a sign-in that waits at the tenant.
  setInterval(() => {
    codes();
    if (document.querySelector("[data-push]")) refresh();
  }, 1000);

  // ---- A code on another screen ----

  // As many bytes as the API takes, once they are base64url.
  const LARGEST_PICTURE = 12_000_000;
  const SAYS = "hybrid: ";
  let scans = false;
  const report = (textContent, className = "") => {
    $("scan-said").append(element("li", { className, textContent }));
    $("scan").scrollTop = $("scan").scrollHeight;
  };
  const ended = ({ outcome, name, why }) => {
    if (outcome === "done") return report("Done.", "end");
    report(outcome === "refused" ? `Refused: ${name}.` : `It came to nothing: ${why}.`, "bad");
  };
  const scan = async (code) => {
    if (scans) return problem("another code is being answered: stop that first");
    scans = true;
    problem();
    if ($("scanning").open) $("scanning").close();
    $("scan-said").replaceChildren();
    $("scan").hidden = false;
    $("scan-stop").hidden = false;
    $("scan-close").hidden = true;
    $("scan").focus();
    const done = await ask("POST", on("hybrid"), code);
    scans = false;
    if (done.value) ended(done.value);
    else report(done.problem, "bad");
    const stopped = document.activeElement === $("scan-stop");
    $("scan-stop").hidden = true;
    $("scan-close").hidden = false;
    if (stopped) $("scan-close").focus();
    refresh();
  };
  const scanPicture = async (file) => {
    if (file.size > LARGEST_PICTURE) return problem("the picture is too large: cut out the QR code");
    const bytes = new Uint8Array(await file.arrayBuffer());
    let text = "";
    for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
    return scan({ image: btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "") });
  };
  // What was dropped or pasted, if it is a picture or a code's text. A phone that scans nothing takes nothing.
  const takes = (data) => {
    if (!$("scan-code")) return false;
    const file = [...data.files].find(({ type }) => type.startsWith("image/"));
    const text = data.getData("text/plain").trim();
    if (file) scanPicture(file);
    else if (/^fido:\//i.test(text)) scan({ code: text });
    else return false;
    return true;
  };
  document.addEventListener("dragover", (drag) => drag.preventDefault());
  document.addEventListener("drop", (drop) => {
    // Or the browser would show the file in place of this page.
    drop.preventDefault();
    if (!takes(drop.dataTransfer) && $("scan-code")) problem("that is no picture, and no code's text");
  });
  document.addEventListener("paste", (paste) => {
    if (paste.target instanceof HTMLInputElement && !paste.clipboardData.files.length) return;
    if (takes(paste.clipboardData)) paste.preventDefault();
  });
  $("scan-file").addEventListener("change", ({ target }) => {
    const [file] = target.files;
    if (file) scanPicture(file);
    target.value = "";
  });
  $("scanning").addEventListener("submit", (submit) => {
    submit.preventDefault();
    const code = $("scan-text").value.trim();
    $("scan-text").value = "";
    if (code) scan({ code });
  });

  // ---- Buttons ----

  const ACTIONS = {
    answer: ({ dataset: { gesture, account } }) => answer(account ? { account: Number(account) } : gesture),
    later: () => {
      later.add($("sheet").querySelector(".sheet").dataset.number);
      rise();
    },
    again: () => {
      later.clear();
      rise();
    },
    power: ({ dataset: { power } }) => act("POST", on("power"), { power }),
    device: ({ dataset }) => location.replace(`/phone?${new URLSearchParams({ token, device: dataset.device })}`),
    disarm: ({ dataset: { fault } }) => act("DELETE", on(`faults/${fault}`)),
    rename: (button) => {
      $("renaming-site").textContent = button.dataset.site;
      $("new-name").value = button.dataset.name;
      $("new-display").value = button.dataset.display;
      open($("renaming"), button);
    },
    delete: (button) => {
      $("deleting-site").textContent = button.dataset.site;
      $("deleting-account").textContent = button.dataset.account;
      open($("deleting"), button);
    },
    add: (button) => {
      how();
      open($("adding"), button);
      $("add-user").focus();
    },
    leave: (button) => {
      $("leaving-name").textContent = button.dataset.name;
      open($("leaving"), button);
    },
    scan: (button) => {
      open($("scanning"), button);
      $("scan-file").focus();
    },
    unscan: () => ask("DELETE", on("hybrid")),
    scanned: () => {
      $("scan").hidden = true;
      ($("scan-code") ?? $("phone-title")).focus();
    },
    decline: ({ dataset: { id } }) => answerPush(id, null),
    close: (button) => button.closest("dialog").close(),
    pause: (button) => {
      paused = !paused;
      button.setAttribute("aria-pressed", paused);
      if (!paused) held.splice(0).forEach(line);
    },
    clear: () => {
      held.length = 0;
      $("lines").replaceChildren();
      $("silence").hidden = false;
    },
  };
  document.addEventListener("click", (click) => {
    const button = click.target.closest("button[data-action]");
    if (button) ACTIONS[button.dataset.action](button);
  });

  // ---- Traffic ----

  const LINES = 300;
  let paused = false;
  const held = [];
  // The newest line stays in sight, unless somebody looks at an older one. A window that changes its size scrolls too, and
  // so do we: what counts is what a hand has moved.
  let follows = true;
  let moved = -Infinity;
  for (const by of ["wheel", "keydown", "pointerdown", "pointermove", "touchmove"]) {
    // Tab passes through, and what it scrolls is not what somebody wants to look at.
    $("lines").addEventListener(by, ({ key }) => { if (key !== "Tab") moved = performance.now(); }, { passive: true });
  }
  $("lines").addEventListener("scroll", ({ target }) => {
    if (performance.now() - moved > 1000) return;
    follows = target.scrollHeight - target.scrollTop - target.clientHeight < 40;
  });
  const span = (className, textContent) => element("span", { className, textContent });
  const summary = (it) => {
    const parts = [span("at", it.at.toFixed(3))];
    if ($("all").checked) parts.push(span("device", it.device));
    if (it.wire) {
      const towards = it.wire.towards === "device";
      parts.push(element("span", { className: "way", textContent: towards ? "→" : "←", ariaHidden: "true" }));
      parts.push(span("hidden", towards ? "to the device" : "to the program"));
    }
    parts.push(span("name", it.name));
    if (it.status) parts.push(span(it.status.startsWith("0x00") || it.status.startsWith("0x9000") ? "status" : "status bad", it.status));
    if (it.tookMs !== undefined) parts.push(span("small", `${it.tookMs} ms`));
    return parts.flatMap((part) => [part, " "]);
  };
  const details = (it) => {
    const rows = [];
    const row = (name, text, className) => {
      if (text) rows.push(element("div", {}, element("dt", { textContent: name }), element("dd", { className, textContent: text })));
    };
    row("Why", it.reason, "reason");
    row("Says", it.text, "code");
    if (it.wire) {
      const { link, channel, command } = it.wire;
      row("Over", [link, channel && `channel ${channel}`, command].filter(Boolean).join(", "));
    }
    row("Hidden", (it.hidden ?? []).join(", "));
    row("Bytes", it.bytes, "code");
    return element("dl", {}, ...rows);
  };
  const line = (it) => {
    const lines = $("lines");
    const item = element("li", { className: `kind-${it.kind}` });
    const about = element("summary", {}, ...summary(it));
    if (it.kind === "message") {
      item.append(element("details", {}, about, details(it)));
      // What it says, as far as there is room; a screen reader has it in the details.
      item.append(element("p", { className: "says code", textContent: it.text ?? "", ariaHidden: "true" }));
    } else {
      item.append(...summary(it), it.text ?? "");
    }
    if (it.kind === "message" && it.reason) item.append(element("p", { className: "reason", textContent: it.reason }));
    lines.append(item);
    // What has the focus is not taken away.
    while (lines.childElementCount > LINES && !lines.firstElementChild.contains(document.activeElement)) {
      lines.firstElementChild.remove();
    }
    $("silence").hidden = true;
    if (follows && !lines.contains(document.activeElement)) {
      lines.scrollTop = lines.scrollHeight;
    }
  };
  const hear = (it) => {
    if (it.kind === "missed" || (it.kind !== "message" && it.kind !== "trace")) refresh();
    if (scans && it.device === device && it.text?.startsWith(SAYS)) report(it.text.slice(SAYS.length));
    if (it.kind === "trace" || (it.device && it.device !== device && !$("all").checked)) return;
    if (!paused) return line(it);
    held.push(it);
    if (held.length > LINES) held.shift();
  };
  const events = new EventSource(`/api/v1/trace?token=${encodeURIComponent(token)}`);
  events.onmessage = (event) => hear(JSON.parse(event.data));
  // What happened before the stream began, or while it was broken off.
  events.onopen = () => {
    problem();
    refresh();
  };
  events.onerror = () => problem("fauxkey does not answer: does it still run?");

  phone.classList.add("lives");
  $("phone-title").tabIndex = -1;
  policy();
  rise();
  kinds();
  codes();
  pushed();
})();
