// Shows the page anew when something has happened that it shows.
(() => {
  const token = new URLSearchParams(location.search).get("token");
  const main = document.getElementById("main");
  if (!token || !window.EventSource) return;
  let due = null;
  const refresh = async () => {
    due = null;
    try {
      const answer = await fetch(location.href);
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("main");
      if (answer.ok && fresh && fresh.innerHTML !== main.innerHTML) main.replaceChildren(...fresh.childNodes);
    } catch {
      // The server is gone; the page stays as it was.
    }
  };
  const shown = ["prompted", "prompt-closed", "committed", "power", "missed"];
  const events = new EventSource("/api/v1/events?token=" + encodeURIComponent(token));
  events.onmessage = (event) => {
    if (shown.includes(JSON.parse(event.data).kind) && !due) due = setTimeout(refresh, 100);
  };
})();
