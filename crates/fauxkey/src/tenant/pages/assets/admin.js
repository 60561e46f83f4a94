// The administrator's forms. Each makes the request that Graph would take in a real tenant, shows it while it is filled
// in, and sends exactly that to this one.
(() => {
  const TYPE = "#microsoft.graph.";
  const METHODS = "/v1.0/policies/authenticationMethodsPolicy/authenticationMethodConfigurations/";
  const field = (form, name) => form.elements.namedItem(name);
  const text = (form, name) => field(form, name).value.trim();
  const ticked = (form, name) => field(form, name).checked;
  // The values of all ticked boxes of that name.
  const ticks = (within, name) => [...within.querySelectorAll(`input[name="${name}"]:checked`)].map((one) => one.value);
  const lines = (form, name) => text(form, name).split(/[\s,]+/).filter(Boolean);
  const state = (form) => (ticked(form, "enabled") ? "enabled" : "disabled");
  const group = (id) => ({ targetType: "group", id });
  const included = (form) => ticks(form, "include").map((id) => ({ ...group(id), isRegistrationRequired: false }));
  const excluded = (form) => ticks(form, "exclude").map(group);
  const restrictions = (within) => ({
    isEnforced: within.querySelector('[name="restricted"]').checked,
    enforcementType: within.querySelector('[name="enforcement"]').value,
    aaGuids: [...ticks(within, "model"), ...within.querySelector('[name="others"]').value.split(/[\s,]+/).filter(Boolean)],
  });
  const authentication = (form) => `/v1.0/users/${encodeURIComponent(text(form, "user"))}/authentication/`;

  // ---- Each form's request ----

  const profiles = (form) => [...form.querySelectorAll("[data-profile]")].map((part) => ({
    part,
    wanted: !part.querySelector('[name="gone"]')?.checked,
    document: {
      id: part.dataset.profile || undefined,
      name: part.querySelector('[name="name"]').value.trim(),
      passkeyTypes: ticks(part, "type").join(","),
      attestationEnforcement: part.querySelector('[name="attestation"]').checked ? "registrationOnly" : "disabled",
      keyRestrictions: restrictions(part),
    },
  })).filter(({ wanted, document }) => wanted && document.name);

  const REQUESTS = {
    fido2: (form) => ["PATCH", `${METHODS}fido2`, {
      "@odata.type": `${TYPE}fido2AuthenticationMethodConfiguration`,
      state: state(form),
      isSelfServiceRegistrationAllowed: ticked(form, "selfService"),
      isAttestationEnforced: ticked(form, "attestation"),
      keyRestrictions: restrictions(form),
      includeTargets: included(form),
      excludeTargets: excluded(form),
    }],
    profiles: (form) => {
      const kept = profiles(form);
      const targets = [...new Set(kept.flatMap(({ part }) => ticks(part, "include")))];
      return ["PATCH", `${METHODS}fido2`, {
        "@odata.type": `${TYPE}fido2AuthenticationMethodConfiguration`,
        state: state(form),
        isSelfServiceRegistrationAllowed: ticked(form, "selfService"),
        defaultPasskeyProfile: form.dataset.default || undefined,
        passkeyProfiles: kept.map(({ document }) => document),
        includeTargets: targets.map((id) => ({
          ...group(id),
          isRegistrationRequired: false,
          allowedPasskeyProfiles:
            kept.filter(({ part }) => ticks(part, "include").includes(id)).map(({ document }) => document.id),
        })),
        excludeTargets: excluded(form),
      }];
    },
    optIn: () => ["PATCH", `${METHODS}fido2`, {
      "@odata.type": `${TYPE}fido2AuthenticationMethodConfiguration`,
      defaultPasskeyProfile: "00000000-0000-0000-0000-000000000001",
    }],
    reset: (form) => ["DELETE", `${METHODS}${form.dataset.which}`],
    authenticator: (form) => ["PATCH", `${METHODS}microsoftAuthenticator`, {
      "@odata.type": `${TYPE}microsoftAuthenticatorAuthenticationMethodConfiguration`,
      state: state(form),
      includeTargets: included(form).map((target) => ({ ...target, authenticationMode: field(form, "mode").value })),
      excludeTargets: excluded(form),
    }],
    tapPolicy: (form) => ["PATCH", `${METHODS}temporaryAccessPass`, {
      "@odata.type": `${TYPE}temporaryAccessPassAuthenticationMethodConfiguration`,
      state: state(form),
      ...Object.fromEntries(["minimumLifetimeInMinutes", "maximumLifetimeInMinutes", "defaultLifetimeInMinutes", "defaultLength"]
        .map((name) => [name, Number(text(form, name))])),
      isUsableOnce: ticked(form, "isUsableOnce"),
      includeTargets: included(form),
      excludeTargets: excluded(form),
    }],
    user: (form) => ["POST", "/v1.0/users", {
      accountEnabled: true,
      displayName: text(form, "displayName") || text(form, "userPrincipalName").split("@")[0],
      mailNickname: text(form, "userPrincipalName").split("@")[0],
      userPrincipalName: text(form, "userPrincipalName"),
      userType: ticked(form, "guest") ? "Guest" : "Member",
      ...(field(form, "password").value && { passwordProfile: {
        forceChangePasswordNextSignIn: false,
        password: field(form, "password").value,
      } }),
    }],
    group: (form) => ["POST", "/v1.0/groups", {
      displayName: text(form, "displayName"),
      mailEnabled: false,
      mailNickname: text(form, "displayName").replace(/[^A-Za-z0-9]/g, "") || "group",
      securityEnabled: true,
    }],
    member: (form) => (ticked(form, "leave")
      ? ["DELETE", `/v1.0/groups/${text(form, "group")}/members/${text(form, "user")}/$ref`]
      : ["POST", `/v1.0/groups/${text(form, "group")}/members/$ref`, {
        "@odata.id": `https://graph.microsoft.com/v1.0/directoryObjects/${text(form, "user")}`,
      }]),
    pass: (form) => ["POST", `${authentication(form)}temporaryAccessPassMethods`, {
      ...(text(form, "lifetime") && { lifetimeInMinutes: Number(text(form, "lifetime")) }),
      isUsableOnce: ticked(form, "once"),
    }],
    remove: (form) => ["DELETE", form.dataset.path],
    strength: (form) => ["POST", "/v1.0/policies/authenticationStrengthPolicies", {
      displayName: text(form, "displayName"),
      description: text(form, "description"),
      allowedCombinations: ticks(form, "combination"),
      ...(allowed(form).length && { combinationConfigurations: [{
        "@odata.type": `${TYPE}fido2CombinationConfiguration`,
        appliesToCombinations: ["fido2"],
        allowedAAGUIDs: allowed(form),
      }] }),
    }],
    conditional: (form) => ["POST", "/v1.0/identity/conditionalAccess/policies", {
      displayName: text(form, "displayName"),
      state: field(form, "state").value,
      conditions: {
        clientAppTypes: ["all"],
        users: {
          includeUsers: ticks(form, "include").includes("all_users") ? ["All"] : [],
          includeGroups: ticks(form, "include").filter((id) => id !== "all_users"),
          excludeGroups: ticks(form, "exclude"),
        },
        applications: field(form, "target").value.startsWith("urn:")
          ? { includeUserActions: [field(form, "target").value] }
          : {
            includeApplications: [field(form, "target").value],
            excludeApplications: ticks(form, "excludeApp"),
          },
      },
      grantControls: field(form, "grant").value === "block" || field(form, "grant").value === "mfa"
        ? { operator: "OR", builtInControls: [field(form, "grant").value] }
        : { operator: "OR", builtInControls: [], authenticationStrength: { id: field(form, "grant").value } },
    }],
    conditionalState: (form) => ["PATCH", form.dataset.path, { state: field(form, "state").value }],
  };
  const allowed = (form) => [...ticks(form, "model"), ...lines(form, "others")];

  // ---- Showing and sending ----

  const request = (form) => {
    const [method, path, body] = REQUESTS[form.dataset.graph](form);
    return { method, path, body };
  };
  const hidden = (form, shown) => {
    const password = form.elements.namedItem("password")?.value;
    return password ? shown.replaceAll(JSON.stringify(password), '"…"') : shown;
  };
  const show = (form) => {
    const place = form.querySelector(".graph pre");
    if (!place) return;
    const { method, path, body } = request(form);
    const shown = body === undefined ? "" : `\nContent-Type: application/json\n\n${JSON.stringify(body, null, 2)}`;
    place.textContent = `${method} https://graph.microsoft.com${path}${hidden(form, shown)}`;
  };
  for (const form of document.querySelectorAll("form[data-graph]")) {
    form.addEventListener("input", () => show(form));
    show(form);
  }
  const place = (form) => {
    const found = form.querySelector(".refusal") ?? form.closest("section").querySelector(".refusal");
    return found ?? $("refusal");
  };
  document.addEventListener("submit", async (submit) => {
    const form = submit.target;
    if (!form.dataset.graph) return;
    submit.preventDefault();
    if (form.dataset.sure && !await sure(form)) return;
    const { method, path, body } = request(form);
    const { value, refused, status } = await ask(method, path, body);
    if (refused) return refuse(refused, place(form));
    const done = `${form.dataset.done ?? "Done"}.`;
    if (form.dataset.graph === "pass") return pass(form, value);
    // The page anew, at the same place, with what was done said.
    sessionStorage.setItem("done", JSON.stringify({ section: form.closest("section").id, text: `${done} Graph answered ${status}.` }));
    location.reload();
  });
  // The pass is told this once.
  const pass = (form, made) => {
    refuse(null, place(form));
    const shown = $("pass-made");
    shown.hidden = false;
    $("pass-text").textContent = made.temporaryAccessPass;
    $("pass-about").textContent = `For ${form.elements.namedItem("user").selectedOptions[0].textContent}: usable for `
      + `${made.lifetimeInMinutes} minutes, ${made.isUsableOnce ? "once" : "as often as is liked"}. `
      + "Write it down: it is shown this once, and kept nowhere as it is.";
    shown.focus();
  };
  const sure = (form) => new Promise((resolve) => {
    const dialog = $("sure");
    $("sure-what").textContent = form.dataset.sure;
    const answered = (event) => {
      event.preventDefault();
      dialog.close("yes");
    };
    dialog.returnValue = "";
    $("sure-form").addEventListener("submit", answered, { once: true });
    dialog.addEventListener("close", () => {
      $("sure-form").removeEventListener("submit", answered);
      resolve(dialog.returnValue === "yes");
    }, { once: true });
    dialog.showModal();
  });
  document.addEventListener("click", (click) => {
    const button = click.target.closest("button[data-action]");
    if (button?.dataset.action === "close") button.closest("dialog").close();
    if (button?.dataset.action === "copy") {
      navigator.clipboard?.writeText(button.closest(".graph").querySelector("pre").textContent);
      say("Copied.");
    }
  });
  const told = JSON.parse(sessionStorage.getItem("done") ?? "null");
  sessionStorage.removeItem("done");
  if (told && $(told.section)) {
    const section = $(told.section);
    const heading = section.querySelector("h2");
    heading.after(element("p", { className: "note", textContent: told.text }));
    heading.tabIndex = -1;
    heading.focus();
    section.scrollIntoView();
    say(told.text);
  }
})();
