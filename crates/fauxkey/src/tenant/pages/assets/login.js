// Signing in, step by step. Each step is a part of the page, and one of them is shown.
(() => {
  const page = $("sign-in");
  const { app, next } = page.dataset;
  const NAMES = JSON.parse(page.dataset.modes);
  let modes = [];
  let name = "";
  // Ends what the browser offers where the user name is typed, also before it has begun: one question at a time.
  const conditional = new AbortController();

  const step = (which) => {
    refuse();
    for (const part of page.querySelectorAll("[data-step]")) part.hidden = part.dataset.step !== which;
    const part = page.querySelector(`[data-step="${which}"]`);
    (part.querySelector("input:not([hidden], [type=checkbox])") ?? part.querySelector("h1")).focus();
    say(part.querySelector("h1").textContent);
  };
  const busy = async (work) => {
    page.setAttribute("aria-busy", "true");
    try { return await work(); } finally { page.removeAttribute("aria-busy"); }
  };

  // ---- Steps ----

  const called = ({ userPrincipalName }) => {
    for (const who of page.querySelectorAll(".who")) who.textContent = userPrincipalName;
    // For password managers.
    for (const who of page.querySelectorAll("input[hidden]")) who.value = userPrincipalName;
  };
  const begin = () => ask("POST", "/login/begin", { app });
  // Every way of signing in leads on from here.
  const went = ({ value, refused }) => {
    if (refused) return refuse(refused);
    modes = value.modes ?? modes;
    const about = $(`${value.verdict}-about`);
    about.replaceChildren();
    const { warnings, explanation, passed, strength, user } = value;
    for (const warning of warnings) about.append(element("p", { className: "caution", textContent: sentence(warning) }));
    if (strength) about.append(element("p", {}, "Authentication strength: ", element("strong", { textContent: strength })));
    if (explanation.length) about.append(unfold("Why: each clause that was looked at", clauses(explanation)));
    if (passed.length) {
      const steps = passed.map((one) => element("li", { textContent: one }));
      about.append(unfold(`What the passkey passed: ${passed.length} steps of WebAuthn Level 3 §7.2`, element("ul", {}, ...steps)));
    }
    called(user);
    if (value.verdict === "granted" && next) return location.assign(next);
    if (value.verdict === "stepUp") offer($("step-up-modes"), modes);
    if (value.verdict === "register") {
      $("register-modes").replaceChildren(...(value.modes ?? []).map((mode) => element("li", { textContent: NAMES[mode] ?? mode })));
    }
    step(value.verdict);
  };
  const send = (path, body) => busy(async () => went(await ask("POST", path, body)));

  const WAYS = {
    fido2: () => passkey(),
    password: () => step("password"),
    temporaryAccessPassOneTime: () => step("pass"),
    temporaryAccessPassMultiUse: () => step("pass"),
    softwareOath: () => step("code"),
    microsoftAuthenticatorPush: () => push(false),
    deviceBasedPush: () => push(true),
  };
  // A button for each way that there is here.
  const offer = (list, wanted) => {
    const known = [...new Set(wanted)].filter((mode) => WAYS[mode]);
    list.replaceChildren(...known.map((mode) => {
      const button = element("button", { type: "button", className: "wide", textContent: NAMES[mode] ?? mode });
      button.dataset.way = mode;
      return button;
    }));
    return known;
  };

  const identify = () => busy(async () => {
    const { value, refused } = await ask("POST", "/login/identify", { userPrincipalName: name });
    if (refused) return refuse(refused);
    modes = value.modes;
    called(value.user);
    const known = offer($("ways"), modes);
    $("no-way").hidden = known.length > 0;
    step("ways");
  });

  // ---- Passkeys ----

  // `nearby` is there where another device is meant: the browser then shows its QR code at once, if it can.
  const passkey = (nearby) => busy(async () => {
    conditional.abort();
    const { value, refused } = await ask("POST", "/login/options", nearby ? { nearby } : {});
    if (refused) return refuse(refused);
    if (nearby) value.hints = ["hybrid"];
    refuse();
    say("The browser asks for a passkey.");
    let response;
    try {
      const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(value);
      response = (await navigator.credentials.get({ publicKey })).toJSON();
    } catch (error) {
      return refuse(ended(error));
    }
    went(await ask("POST", "/login/passkey", { response }));
  });
  // The browser offers passkeys where the user name is typed, if it can.
  const autofill = async () => {
    if (!await window.PublicKeyCredential?.isConditionalMediationAvailable?.()) return;
    const { value } = await ask("POST", "/login/options", {});
    if (!value || conditional.signal.aborted) return;
    try {
      const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(value);
      const found = await navigator.credentials.get({ publicKey, mediation: "conditional", signal: conditional.signal });
      if (found) went(await ask("POST", "/login/passkey", { response: found.toJSON() }));
    } catch { /* Nobody chose one, or the page went on. */ }
  };

  // ---- Push notifications ----

  let pushing = 0;
  const push = (phoneSignIn) => busy(async () => {
    const { value, refused } = await ask("POST", "/login/push", { phoneSignIn });
    if (refused) return refuse(refused);
    step("push");
    $("push-number").textContent = value.number;
    const mine = ++pushing;
    while (mine === pushing) {
      const answer = await ask("POST", "/login/push/wait", {});
      if (mine !== pushing) return;
      if (answer.refused || answer.value) return went(answer);
      await new Promise((resolve) => setTimeout(resolve, 700));
    }
  });

  // ---- Hands ----

  const text = (form) => form.querySelector("input:not([hidden])").value;
  const FORMS = {
    name: async (form) => {
      conditional.abort();
      name = text(form).trim();
      identify();
    },
    password: (form) => send("/login/password", { password: text(form) }),
    pass: (form) => send("/login/pass", { pass: text(form) }),
    code: (form) => send("/login/code", { code: text(form) }),
    device: () => passkey({ bluetooth: $("bluetooth").checked, computerBluetooth: $("computer-bluetooth").checked }),
  };
  page.addEventListener("submit", (submit) => {
    submit.preventDefault();
    FORMS[submit.target.dataset.step](submit.target);
  });
  const ACTIONS = {
    passkey: () => passkey(),
    options: () => step("options"),
    device: async () => {
      await tellNext();
      step("device");
    },
    back: () => {
      pushing += 1;
      step(name && modes.length ? "ways" : "name");
    },
    another: async () => {
      await ask("POST", "/login/out", {});
      location.reload();
    },
  };
  page.addEventListener("click", (click) => {
    const button = click.target.closest("button");
    if (button?.dataset.action) ACTIONS[button.dataset.action]();
    if (button?.dataset.way) WAYS[button.dataset.way]();
  });

  if (page.dataset.signedIn === undefined) {
    busy(async () => {
      const { refused } = await begin();
      if (refused) return refuse(refused);
      page.dataset.ready = "";
      autofill();
    });
  } else {
    page.dataset.ready = "";
  }
})();
