// A stand-in of Paddle's script. Paddle opens its checkout over the page; this one goes to the sandbox's page and comes
// back, which needs no frame and so works whatever the page's Content-Security-Policy is. The page hears of the end by
// the events that it would get from Paddle: the page that the buyer comes back to tells it by its fragment.
(() => {
  'use strict';
  const origin = new URL(document.currentScript.src).origin;
  const fragment = /^#paddle-(completed|closed)$/.exec(location.hash);
  let returned = fragment ? fragment[1] : '';
  let options = {};
  let leaving = false;

  const transaction = () => new URLSearchParams(location.search).get('_ptxn') || '';
  const tell = (name, data) => {
    if (typeof options.eventCallback === 'function') options.eventCallback({ name, data: data || {} });
  };

  function open(request) {
    const asked = request || {};
    const settings = Object.assign({}, (options.checkout || {}).settings, asked.settings);
    const id = asked.transactionId || transaction();
    if ((returned && !navigator.userActivation.isActive) || leaving || !id) return;
    leaving = true;
    tell('checkout.loaded', { transaction_id: id, status: 'ready' });
    const to = new URL('/paddle-checkout/' + encodeURIComponent(id), origin);
    to.searchParams.set('page', location.href);
    if (settings.successUrl) to.searchParams.set('success', new URL(settings.successUrl, location.href).href);
    location.assign(to.href);
  }

  function initialize(given) {
    options = given || {};
    if (!returned) {
      if (transaction()) open({});
      return;
    }
    const event = returned;
    history.replaceState(null, '', location.pathname + location.search);
    // A page opens its checkout when it loads. The buyer has just left it, and it is not opened again without a click.
    setTimeout(() => { returned = ''; }, 500);
    const status = event === 'completed' ? 'completed' : 'ready';
    tell('checkout.' + event, { transaction_id: transaction(), status });
  }

  // A page that is shown again from memory can open its checkout again.
  addEventListener('pageshow', () => { leaving = false; });

  window.Paddle = {
    Environment: { set() {} },
    Initialized: false,
    Initialize(given) {
      window.Paddle.Initialized = true;
      initialize(given);
    },
    Setup(given) { window.Paddle.Initialize(given); },
    Update(given) { options = Object.assign({}, options, given); },
    Checkout: { open, close() {} },
  };
})();
