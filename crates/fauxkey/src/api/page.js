// Answers questions, and shows the page anew when something has happened that it shows.
(() => {
  const token = new URLSearchParams(location.search).get("token");
  const main = document.getElementById("main");
  if (!token) return;

  let due = null;
  const refresh = async () => {
    due = null;
    try {
      const answer = await fetch(location.href);
      const text = await answer.text();
      // Without its style, which this page's policy does not know.
      const part = text.slice(text.indexOf("<main"), text.indexOf("</main>"));
      const fresh = new DOMParser().parseFromString(part, "text/html").getElementById("main");
      if (answer.ok && fresh && fresh.innerHTML !== main.innerHTML) main.replaceChildren(...fresh.childNodes);
    } catch {
      // The server is gone; the page stays as it was.
    }
  };
  const soon = () => {
    if (!due) due = setTimeout(refresh, 100);
  };

  main.addEventListener("click", async (click) => {
    // The token is in no link, so that a copied one opens nothing.
    const link = click.target.closest("a.open");
    if (link) {
      click.preventDefault();
      location.assign(`${link.href}&token=${encodeURIComponent(token)}`);
      return;
    }
    const { device, number, gesture, account } = click.target.closest("button")?.dataset ?? {};
    if (!gesture) return;
    click.target.disabled = true;
    try {
      await fetch(`/api/v1/devices/${encodeURIComponent(device)}/prompt`, {
        method: "POST",
        headers: { "Authorization": `Bearer ${token}`, "Content-Type": "application/json" },
        body: JSON.stringify({ number: Number(number), gesture: account ? { account: Number(account) } : gesture }),
      });
    } finally {
      // Whether it was still open or not: what there is now.
      soon();
    }
  });

  const shown = ["prompted", "prompt-closed", "committed", "power", "missed"];
  const events = new EventSource("/api/v1/events?token=" + encodeURIComponent(token));
  events.onmessage = (event) => {
    if (shown.includes(JSON.parse(event.data).kind)) soon();
  };
})();
