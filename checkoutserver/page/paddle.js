(function () {
  "use strict";
  var main = document.getElementById("checkout");
  var says = document.getElementById("says");
  var again = document.getElementById("again");
  var data = main.dataset;
  var loaded = false;

  function say(text, reopen) {
    says.textContent = text;
    again.hidden = !reopen;
  }

  function refused(event) {
    // In Test mode the reason is for whoever sets this up: most often the domain, which Paddle has to approve.
    var reason = event && (event.detail || (event.error && event.error.detail) || event.code);
    say(data.refused + (data.test && reason ? " (" + reason + ")" : ""), true);
  }

  function happened(event) {
    switch (event && event.name) {
      case "checkout.loaded":
        loaded = true;
        say("", false);
        break;
      case "checkout.completed":
        data.done = "true";
        say(data.thanks, false);
        break;
      case "checkout.closed":
        say(data.done ? data.thanks : data.closed, !data.done);
        break;
      case "checkout.error":
      case "checkout.payment.error":
        if (!loaded) refused(event);
        break;
    }
  }

  if (!window.Paddle) {
    say(data.unloaded, false);
    return;
  }
  var settings = { displayMode: "overlay", successUrl: data.success, locale: data.locale };
  if (window.matchMedia("(prefers-color-scheme: dark)").matches) settings.theme = "dark";
  again.addEventListener("click", function () {
    say(data.opening, false);
    window.Paddle.Checkout.open({ transactionId: data.transaction });
  });
  try {
    if (data.sandbox) window.Paddle.Environment.set("sandbox");
    // The overlay opens by itself, because the address has the transaction.
    window.Paddle.Initialize({ token: data.token, eventCallback: happened, checkout: { settings: settings } });
  } catch (error) {
    refused({ detail: error.message });
    return;
  }
  window.setTimeout(function () {
    if (!loaded && !data.done) refused(null);
  }, 20000);
})();
