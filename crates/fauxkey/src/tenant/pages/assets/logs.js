// Logs and reports: the drawer with details, and filters as the $filter that Graph takes.
(() => {
  let from = null;
  const drawer = $("drawer");
  document.addEventListener("click", (click) => {
    const button = click.target.closest("button[data-action]");
    if (button?.dataset.action === "details") {
      from = button;
      $("drawer-body").replaceChildren($(button.dataset.details).content.cloneNode(true));
      drawer.showModal();
      drawer.querySelector("h2").focus();
    }
    if (button?.dataset.action === "close") drawer.close();
  });
  drawer?.addEventListener("close", () => from?.focus());

  // A field's value as a clause of OData: text is quoted, and quotes in it are doubled.
  const quoted = (text) => `'${text.replaceAll("'", "''")}'`;
  const form = $("filter");
  const clausesOf = () => [...form.querySelectorAll("[data-clause]")]
    .filter((one) => one.value.trim())
    .map((one) => one.dataset.clause.replace("{}", one.dataset.raw === undefined ? quoted(one.value.trim()) : one.value.trim()));
  const path = () => {
    const filter = clausesOf().join(" and ");
    return form.dataset.path + (filter ? `${form.dataset.path.includes("?") ? "&" : "?"}$filter=${filter}` : "");
  };
  const show = () => { $("filter-request").textContent = `GET https://graph.microsoft.com${path()}`; };
  form?.addEventListener("input", show);
  form?.addEventListener("submit", (submit) => {
    submit.preventDefault();
    const query = new URLSearchParams();
    for (const one of form.querySelectorAll("[data-clause]")) {
      if (one.value.trim()) query.set(one.name, one.value.trim());
    }
    location.assign(`${location.pathname}?${query}`);
  });
  if (form) show();
})();
