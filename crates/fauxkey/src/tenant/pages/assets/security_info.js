// My Security Info: what somebody signs in with, and the way to more of it.
(() => {
  const page = $("security-info");
  const dialog = $("adding");
  let kind = "";
  let made = null;

  const step = (which) => {
    refuse(null, $("adding-refusal"));
    for (const part of dialog.querySelectorAll("[data-step]")) part.hidden = part.dataset.step !== which;
    const heading = dialog.querySelector(`[data-step="${which}"] h2`);
    heading.tabIndex = -1;
    heading.focus();
    say(heading.textContent);
  };
  const wrong = (refused) => {
    refuse(refused, $("adding-refusal"));
    dialog.scrollTop = 0;
  };

  // ---- The phone ----

  const DEFAULTS = { iOS: ["17.4", "6.8.7"], Android: ["14", "6.2404.2229"] };
  const choose = async (platform) => {
    kind = "app";
    $("platform").value = platform;
    $("system").textContent = platform;
    $("os-version").value = DEFAULTS[platform][0];
    $("app-version").value = DEFAULTS[platform][1];
    for (const one of dialog.querySelectorAll("[data-only]")) one.hidden = one.dataset.only !== platform;
    await tellNext();
    step("settings");
  };
  const phone = () => ({
    name: $("phone-name").value.trim() || $("system").textContent,
    platform: $("platform").value,
    osVersion: $("os-version").value.trim(),
    appVersion: $("app-version").value.trim(),
    usageData: $("usage-data").checked,
    autoFill: $("auto-fill").checked,
    otherProviders: $("platform").value === "iOS" ? Number($("other-providers").value) || 0 : 0,
    bluetooth: $("bluetooth").checked,
    computerBluetooth: $("computer-bluetooth").checked,
  });

  // ---- The ceremony ----

  const ceremony = async () => {
    const wanted = kind === "app" ? { route: "crossDevice", phone: phone() } : { route: "securityInfo" };
    const { value, refused } = await ask("POST", "/register/options", wanted);
    if (refused) return wrong(refused);
    for (const one of dialog.querySelectorAll("[data-kind]")) one.hidden = one.dataset.kind !== kind;
    step("ceremony");
    try {
      const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(value);
      made = (await navigator.credentials.create({ publicKey })).toJSON();
    } catch (error) {
      step(kind === "app" ? "settings" : "kind");
      return wrong(ended(error));
    }
    $("friendly-name").value = "";
    step("name");
    $("friendly-name").focus();
  };
  const finish = async () => {
    const displayName = $("friendly-name").value.trim() || undefined;
    const { value, refused } = await ask("POST", "/register/finish", { displayName, response: made });
    if (refused) {
      // A name can be typed again; everything else needs another passkey.
      if (refused.code !== "sim_display_name") step("failed");
      return wrong(refused);
    }
    const about = $("done-about");
    const { passkey, warnings, explanation, passed } = value;
    about.replaceChildren(element("dl", {},
      ...[
        ["Name", passkey.displayName],
        ["Model", passkey.model || "not known here"],
        ["AAGUID", passkey.aaGuid],
        ["Attestation", passkey.attestationLevel],
        ["Type", passkey.passkeyType],
      ].map(([term, text]) => element("div", {}, element("dt", { textContent: term }), element("dd", { textContent: text })))));
    if (kind === "app") {
      about.append(element("p", { textContent: "On the phone it is an entry of its own, apart from accounts that were added in the app." }));
    }
    for (const warning of warnings) about.append(element("p", { className: "caution", textContent: sentence(warning) }));
    about.append(unfold("Why: each clause that was looked at", clauses(explanation)));
    about.append(unfold(`What it passed: ${passed.length} steps of WebAuthn Level 3 §7.1`,
      element("ul", {}, ...passed.map((one) => element("li", { textContent: one })))));
    about.append(unfold("The document in Graph", element("pre", { textContent: JSON.stringify(passkey, null, 2) })));
    step("done");
  };

  // ---- Names and deletion ----

  const changing = (id, method) => {
    const open = $(id);
    open.addEventListener("submit", async (submit) => {
      submit.preventDefault();
      const body = method === "PATCH" ? { displayName: $("new-name").value } : undefined;
      const { refused } = await ask(method, `/me/methods/${encodeURIComponent(open.dataset.id)}`, body);
      open.close();
      if (refused) return refuse(refused);
      location.reload();
    });
    open.addEventListener("close", () => $(open.dataset.from)?.focus());
    return (button) => {
      Object.assign(open.dataset, { id: button.dataset.id, from: button.id });
      open.querySelector(".which").textContent = button.dataset.name;
      if (method === "PATCH") $("new-name").value = button.dataset.name;
      open.showModal();
    };
  };
  const rename = changing("renaming", "PATCH");
  const remove = changing("deleting", "DELETE");

  // ---- Hands ----

  const ACTIONS = {
    add: () => {
      dialog.showModal();
      step("kind");
    },
    authenticator: () => step("platform"),
    ios: () => choose("iOS"),
    android: () => choose("Android"),
    passkey: () => {
      kind = "passkey";
      ceremony();
    },
    kind: () => step("kind"),
    again: () => (kind === "app" ? step("settings") : step("kind")),
    finished: () => location.assign("/mysecurityinfo"),
    close: (button) => button.closest("dialog").close(),
    rename,
    remove,
    out: async () => {
      await ask("POST", "/login/out", {});
      location.assign("/login?next=/mysecurityinfo");
    },
  };
  document.addEventListener("click", (click) => {
    const button = click.target.closest("button[data-action]");
    if (button) ACTIONS[button.dataset.action](button);
  });
  dialog.addEventListener("submit", (submit) => {
    submit.preventDefault();
    if (submit.target.dataset.step === "settings") ceremony();
    else finish();
  });
  dialog.addEventListener("close", () => $("add").focus());
  if (page.dataset.setUp !== undefined) ACTIONS.add();
})();
