// Runs before trame's client: tells it where our websocket is and what key it wants.
// Whatever the address said of a session is overwritten, so no link can lead elsewhere.
(() => {
  const theme = localStorage.getItem("vis3d-theme") === "light" ? "light" : "dark";
  document.documentElement.dataset.theme = theme;
  const key = document.querySelector("meta[name=vis3d-key]").content;
  const address = new URLSearchParams({
    sessionURL: `${window.location.protocol === "https:" ? "wss" : "ws"}://${window.location.host}/ws`,
    secret: key,
  });
  window.history.replaceState({}, "", `/?${address}`); // trame strips both again
})();
