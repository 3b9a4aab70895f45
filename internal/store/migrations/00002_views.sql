-- +goose Up

-- The questions that a team asks of the records, a view for each. Amounts are whole numbers of the currency's minor
-- unit, beside the currency, and are never added up across currencies: 2900 is 29.00 USD, 2900 JPY, and 2.900 KWD.
-- Months and days are those of UTC. A month may change while its events come late.

-- Each subscription with what the questions below need of it.
CREATE VIEW kassa.subscription_lives AS
WITH paid AS (
    SELECT provider, account, subscription_id, MIN(paid_at) AS first_paid_at
    FROM kassa.payments
    WHERE paid_at IS NOT NULL AND amount_minor > 0 AND subscription_id <> ''
    GROUP BY provider, account, subscription_id
), lives AS (
    SELECT s.*, p.first_paid_at,
        s.status = 'Trialing' OR COALESCE(s.trial_end > s.started_at, FALSE) AS had_trial,
        s.status = 'Trialing' OR s.status = 'Canceling' AND p.first_paid_at IS NULL
            AND COALESCE(s.trial_end > CURRENT_TIMESTAMP, FALSE) AS in_trial
    FROM kassa.subscriptions s
    LEFT JOIN paid p ON p.provider = s.provider AND p.account = s.account AND p.subscription_id = s.id
)
SELECT l.provider, l.account, l.id, l.customer_id, COALESCE(NULLIF(l.user_id, ''), c.user_id, '') AS user_id,
    l.plan, l.price, l.status, l.currency, l.quantity, l.in_trial, l.had_trial,
    CASE WHEN l.in_trial OR l.status NOT IN ('Active', 'Canceling', 'PastDue') THEN NULL
        WHEN l.period = 'Day' THEN l.unit_minor * l.quantity * 30.4375 / NULLIF(l.period_count, 0)
        WHEN l.period = 'Week' THEN l.unit_minor * l.quantity * 30.4375 / NULLIF(7 * l.period_count, 0)
        WHEN l.period = 'Month' THEN l.unit_minor * l.quantity * 1.0 / NULLIF(l.period_count, 0)
        WHEN l.period = 'Year' THEN l.unit_minor * l.quantity / NULLIF(12.0 * l.period_count, 0)
    END AS monthly_minor,
    l.started_at, l.first_paid_at,
    CASE WHEN l.status IN ('', 'Incomplete', 'IncompleteExpired') THEN NULL
        WHEN l.had_trial THEN l.first_paid_at
        ELSE l.started_at
    END AS paying_since,
    l.ended_at
FROM lives l
LEFT JOIN kassa.customers c ON c.provider = l.provider AND c.account = l.account AND c.id = l.customer_id;

COMMENT ON VIEW kassa.subscription_lives IS
    'Each subscription, with what the other views need of it. Group it by plan or provider where they do not.';
COMMENT ON COLUMN kassa.subscription_lives.user_id IS
    'The application''s own id of the user: of the subscription, or else of its customer. Empty: not told.';
COMMENT ON COLUMN kassa.subscription_lives.in_trial IS
    'Nothing has been paid yet, and the trial goes on: also of a trial that is to be canceled.';
COMMENT ON COLUMN kassa.subscription_lives.had_trial IS 'It began with a trial, which may be over.';
COMMENT ON COLUMN kassa.subscription_lives.monthly_minor IS
    'What it brings in a month: unit times quantity divided by the months of a period. A month is 30.4375 days, a '
    'twelfth of 365.25, and a week 7. Active, canceling and past due ones count. Null: in trial, unpaid, paused or '
    'ended, or the charge is not told, as with tiers, usage or several items. Not rounded.';
COMMENT ON COLUMN kassa.subscription_lives.started_at IS
    'The first event that told of it: later than the start of a subscription that is older than the receiver.';
COMMENT ON COLUMN kassa.subscription_lives.first_paid_at IS 'Its first payment that was not of zero.';
COMMENT ON COLUMN kassa.subscription_lives.paying_since IS
    'Its start, or its first payment if it began with a trial. Null: it never paid.';

CREATE VIEW kassa.active_subscriptions AS
SELECT provider, plan, price, COUNT(*) AS subscriptions,
    SUM(CASE WHEN in_trial THEN 1 ELSE 0 END) AS in_trial,
    SUM(CASE WHEN status = 'Active' THEN 1 ELSE 0 END) AS active,
    SUM(CASE WHEN status = 'Canceling' AND NOT in_trial THEN 1 ELSE 0 END) AS canceling,
    SUM(CASE WHEN status = 'PastDue' THEN 1 ELSE 0 END) AS past_due
FROM kassa.subscription_lives
WHERE status IN ('Trialing', 'Active', 'Canceling', 'PastDue')
GROUP BY provider, plan, price;

COMMENT ON VIEW kassa.active_subscriptions IS
    'How many subscriptions run, by plan, price and provider. Paused and unpaid ones do not.';
COMMENT ON COLUMN kassa.active_subscriptions.plan IS 'Name of the Plan object. Empty: of no Plan of this cluster.';
COMMENT ON COLUMN kassa.active_subscriptions.price IS 'Name of the price in the Plan.';
COMMENT ON COLUMN kassa.active_subscriptions.subscriptions IS 'The sum of the columns that follow.';
COMMENT ON COLUMN kassa.active_subscriptions.in_trial IS 'In trial, also if the trial is to be canceled.';
COMMENT ON COLUMN kassa.active_subscriptions.canceling IS 'Paid for, and ending with the period.';
COMMENT ON COLUMN kassa.active_subscriptions.past_due IS 'A payment failed, and is tried again.';

CREATE VIEW kassa.mrr_by_plan AS
SELECT provider, plan, price, currency, COUNT(*) AS subscriptions,
    CAST(ROUND(SUM(monthly_minor)) AS bigint) AS mrr_minor
FROM kassa.subscription_lives
WHERE status IN ('Active', 'Canceling', 'PastDue') AND NOT in_trial
GROUP BY provider, plan, price, currency;

COMMENT ON VIEW kassa.mrr_by_plan IS 'Monthly recurring revenue, by plan. See the view mrr.';
COMMENT ON COLUMN kassa.mrr_by_plan.currency IS 'Empty: the charge is not told.';
COMMENT ON COLUMN kassa.mrr_by_plan.subscriptions IS 'How many bring it.';
COMMENT ON COLUMN kassa.mrr_by_plan.mrr_minor IS 'In minor units. Rounded, so parts may differ from the whole by one.';

CREATE VIEW kassa.mrr AS
SELECT currency, COUNT(*) AS subscriptions, CAST(ROUND(SUM(monthly_minor)) AS bigint) AS mrr_minor
FROM kassa.subscription_lives
WHERE status IN ('Active', 'Canceling', 'PastDue') AND NOT in_trial
GROUP BY currency;

COMMENT ON VIEW kassa.mrr IS
    'Monthly recurring revenue now, by currency. Past due subscriptions count until they are unpaid or end, canceling '
    'ones until they end; trials do not count. Before discounts, with the taxes that the price includes.';
COMMENT ON COLUMN kassa.mrr.currency IS
    'Empty: subscriptions whose charge is not told, as with tiers, usage or several items. They are in no other row.';
COMMENT ON COLUMN kassa.mrr.subscriptions IS 'How many bring it.';
COMMENT ON COLUMN kassa.mrr.mrr_minor IS 'In minor units. Null in the row without a currency.';

CREATE VIEW kassa.churn AS
WITH RECURSIVE lives AS (
    SELECT CAST(DATE_TRUNC('month', paying_since AT TIME ZONE 'UTC') AS date) AS began,
        CAST(DATE_TRUNC('month', ended_at AT TIME ZONE 'UTC') AS date) AS ended
    FROM kassa.subscription_lives
    WHERE paying_since IS NOT NULL AND (ended_at IS NULL OR ended_at > paying_since)
), months AS (
    SELECT MIN(began) AS month FROM lives
    UNION ALL
    SELECT CAST(month + INTERVAL '1 month' AS date) FROM months
    WHERE month + INTERVAL '1 month' <= CURRENT_TIMESTAMP AT TIME ZONE 'UTC'
), steps AS (
    SELECT began AS month, 1 AS started, 0 AS ended, 0 AS churned FROM lives
    UNION ALL
    SELECT ended, 0, 1, CASE WHEN began < ended THEN 1 ELSE 0 END FROM lives WHERE ended IS NOT NULL
), sums AS (
    SELECT m.month, COALESCE(SUM(s.started), 0) AS started, COALESCE(SUM(s.ended), 0) AS ended,
        COALESCE(SUM(s.churned), 0) AS churned
    FROM months m LEFT JOIN steps s ON s.month = m.month
    WHERE m.month IS NOT NULL
    GROUP BY m.month
), running AS (
    SELECT month, started, ended, churned, SUM(started - ended) OVER (ORDER BY month) AS active_at_end FROM sums
)
SELECT month, CAST(active_at_end - started + ended AS bigint) AS active_at_start, churned,
    ROUND(churned * 1.0 / NULLIF(active_at_end - started + ended, 0), 4) AS churn_rate,
    started, ended, CAST(active_at_end AS bigint) AS active_at_end
FROM running;

COMMENT ON VIEW kassa.churn IS
    'Subscriptions that began and ended, by month. One that began with a trial counts from its first payment: a trial '
    'that was not paid for is no churn. See trial_conversion.';
COMMENT ON COLUMN kassa.churn.month IS 'Its first day, in UTC. The last one is not over.';
COMMENT ON COLUMN kassa.churn.active_at_start IS
    'Began before the month, and had not ended: paused and unpaid ones too.';
COMMENT ON COLUMN kassa.churn.churned IS 'Of those, how many ended in the month.';
COMMENT ON COLUMN kassa.churn.churn_rate IS
    'churned divided by active_at_start: 0.05 is five per cent. Null: none were.';
COMMENT ON COLUMN kassa.churn.started IS 'Began in the month.';
COMMENT ON COLUMN kassa.churn.ended IS 'Ended in the month, also if they began in it.';
COMMENT ON COLUMN kassa.churn.active_at_end IS 'active_at_start and started, without ended.';

CREATE VIEW kassa.trial_conversion AS
SELECT CAST(DATE_TRUNC('month', started_at AT TIME ZONE 'UTC') AS date) AS month, COUNT(*) AS trials,
    COUNT(first_paid_at) AS converted,
    SUM(CASE WHEN first_paid_at IS NULL AND ended_at IS NOT NULL THEN 1 ELSE 0 END) AS lost,
    SUM(CASE WHEN first_paid_at IS NULL AND ended_at IS NULL THEN 1 ELSE 0 END) AS undecided,
    ROUND(COUNT(first_paid_at) * 1.0
        / NULLIF(SUM(CASE WHEN first_paid_at IS NOT NULL OR ended_at IS NOT NULL THEN 1 ELSE 0 END), 0), 4)
        AS conversion_rate
FROM kassa.subscription_lives
WHERE had_trial AND status NOT IN ('Incomplete', 'IncompleteExpired')
GROUP BY CAST(DATE_TRUNC('month', started_at AT TIME ZONE 'UTC') AS date);

COMMENT ON VIEW kassa.trial_conversion IS 'What became of trials, by the month in which they began.';
COMMENT ON COLUMN kassa.trial_conversion.month IS 'Its first day, in UTC.';
COMMENT ON COLUMN kassa.trial_conversion.converted IS 'Something was paid.';
COMMENT ON COLUMN kassa.trial_conversion.lost IS 'The subscription ended, and nothing was paid.';
COMMENT ON COLUMN kassa.trial_conversion.undecided IS 'The trial goes on, or its payment is still tried.';
COMMENT ON COLUMN kassa.trial_conversion.conversion_rate IS
    'converted divided by those that are decided: 0.4 is forty per cent. Null: none is.';

-- At LemonSqueezy a subscription begins with an order, and its first invoice is the same money once more: the order
-- does not count. Nothing in an order says so, but the subscription names it.
CREATE VIEW kassa.money_in AS
SELECT p.provider, p.account, p.kind, p.id, p.customer_id, p.subscription_id,
    COALESCE(NULLIF(p.plan, ''), s.plan, '') AS plan, COALESCE(NULLIF(p.price, ''), s.price, '') AS price,
    p.amount_minor, p.currency, p.paid_at
FROM kassa.payments p
LEFT JOIN kassa.subscriptions s ON s.provider = p.provider AND s.account = p.account AND s.id = p.subscription_id
WHERE p.paid_at IS NOT NULL AND p.amount_minor > 0 AND NOT (p.kind = 'Order' AND EXISTS (
    SELECT 1 FROM kassa.subscriptions o
    WHERE o.provider = p.provider AND o.account = p.account AND o.order_id = p.id AND o.order_id <> ''));

COMMENT ON VIEW kassa.money_in IS
    'Each payment that was made, once, with taxes and before the provider''s fees. A refund does not change it.';
COMMENT ON COLUMN kassa.money_in.plan IS
    'Of the payment, or else of its subscription as it is now: LemonSqueezy''s invoices do not tell.';

CREATE VIEW kassa.money_out AS
SELECT r.provider, r.account, r.kind, r.payment_id, r.id, p.customer_id, p.subscription_id,
    COALESCE(NULLIF(p.plan, ''), s.plan, '') AS plan, COALESCE(NULLIF(p.price, ''), s.price, '') AS price,
    r.amount_minor, r.currency, r.refunded_at
FROM kassa.refunds r
LEFT JOIN kassa.payments p
    ON p.provider = r.provider AND p.account = r.account AND p.kind = r.kind AND p.id = r.payment_id
LEFT JOIN kassa.subscriptions s ON s.provider = p.provider AND s.account = p.account AND s.id = p.subscription_id
WHERE NOT (r.kind = 'Order' AND EXISTS (
    SELECT 1 FROM kassa.subscriptions o
    WHERE o.provider = r.provider AND o.account = r.account AND o.order_id = r.payment_id AND o.order_id <> ''));

COMMENT ON VIEW kassa.money_out IS
    'Each refund, once. Stripe and LemonSqueezy tell the sum of a payment''s refunds: there a payment has one row.';
COMMENT ON COLUMN kassa.money_out.refunded_at IS 'The first refund that a row stands for.';

CREATE VIEW kassa.revenue AS
SELECT month, provider, plan, currency, CAST(SUM(payments) AS bigint) AS payments,
    CAST(SUM(gross_minor) AS bigint) AS gross_minor, CAST(SUM(refunded_minor) AS bigint) AS refunded_minor,
    CAST(SUM(gross_minor) - SUM(refunded_minor) AS bigint) AS net_minor
FROM (
    SELECT CAST(DATE_TRUNC('month', paid_at AT TIME ZONE 'UTC') AS date) AS month, provider, plan, currency,
        1 AS payments, amount_minor AS gross_minor, 0 AS refunded_minor
    FROM kassa.money_in
    UNION ALL
    SELECT CAST(DATE_TRUNC('month', refunded_at AT TIME ZONE 'UTC') AS date), provider, plan, currency,
        0, 0, amount_minor
    FROM kassa.money_out
) AS moved
GROUP BY month, provider, plan, currency;

COMMENT ON VIEW kassa.revenue IS
    'What was paid, by month, plan and currency, net of refunds: with taxes, before the provider''s fees, and without '
    'regard to disputes. A refund counts in its own month, so a month that is over stays as it is.';
COMMENT ON COLUMN kassa.revenue.month IS 'Its first day, in UTC.';
COMMENT ON COLUMN kassa.revenue.plan IS 'Name of the Plan object. Empty: of no Plan of this cluster.';
COMMENT ON COLUMN kassa.revenue.payments IS 'How many were made in the month.';
COMMENT ON COLUMN kassa.revenue.gross_minor IS 'Their sum, in minor units.';
COMMENT ON COLUMN kassa.revenue.refunded_minor IS 'What was given back in the month, in minor units.';
COMMENT ON COLUMN kassa.revenue.net_minor IS 'gross_minor without refunded_minor. Negative if more was given back.';

CREATE VIEW kassa.refunds_by_month AS
SELECT CAST(DATE_TRUNC('month', refunded_at AT TIME ZONE 'UTC') AS date) AS month, provider, plan, currency,
    COUNT(*) AS refunds, CAST(SUM(amount_minor) AS bigint) AS refunded_minor
FROM kassa.money_out
GROUP BY CAST(DATE_TRUNC('month', refunded_at AT TIME ZONE 'UTC') AS date), provider, plan, currency;

COMMENT ON VIEW kassa.refunds_by_month IS 'What was given back, by month, plan and currency.';
COMMENT ON COLUMN kassa.refunds_by_month.month IS 'Of the first refund of a payment, in UTC.';
COMMENT ON COLUMN kassa.refunds_by_month.refunds IS
    'At Stripe and LemonSqueezy the payments with a refund, at Paddle the refunds.';

CREATE VIEW kassa.disputes_by_month AS
SELECT CAST(DATE_TRUNC('month', COALESCE(opened_at, closed_at) AT TIME ZONE 'UTC') AS date) AS month, provider, reason,
    status, currency, COUNT(*) AS disputes, COUNT(closed_at) AS closed,
    CAST(SUM(amount_minor) AS bigint) AS amount_minor
FROM kassa.disputes
GROUP BY CAST(DATE_TRUNC('month', COALESCE(opened_at, closed_at) AT TIME ZONE 'UTC') AS date), provider, reason, status,
    currency;

COMMENT ON VIEW kassa.disputes_by_month IS
    'Payments that buyers'' banks asked about or took back, by the month in which they did. Not told by LemonSqueezy.';
COMMENT ON COLUMN kassa.disputes_by_month.status IS 'The provider''s word, such as won or lost at Stripe.';
COMMENT ON COLUMN kassa.disputes_by_month.amount_minor IS 'What is disputed, in minor units.';

CREATE VIEW kassa.failed_payments AS
SELECT month, provider, code, CAST(SUM(failures) AS bigint) AS failures, COUNT(*) AS payments,
    SUM(recovered) AS recovered
FROM (
    SELECT CAST(DATE_TRUNC('month', f.failed_at AT TIME ZONE 'UTC') AS date) AS month, f.provider, f.account, f.kind,
        f.payment_id, COALESCE(NULLIF(f.code, ''), NULLIF(p.failure_code, ''), 'unknown') AS code, COUNT(*) AS failures,
        MAX(CASE WHEN p.paid_at IS NULL THEN 0 ELSE 1 END) AS recovered
    FROM kassa.payment_failures f
    LEFT JOIN kassa.payments p
        ON p.provider = f.provider AND p.account = f.account AND p.kind = f.kind AND p.id = f.payment_id
    GROUP BY CAST(DATE_TRUNC('month', f.failed_at AT TIME ZONE 'UTC') AS date), f.provider, f.account, f.kind,
        f.payment_id, COALESCE(NULLIF(f.code, ''), NULLIF(p.failure_code, ''), 'unknown')
) AS failed
GROUP BY month, provider, code;

COMMENT ON VIEW kassa.failed_payments IS 'Attempts at payments that failed, by month and the provider''s reason.';
COMMENT ON COLUMN kassa.failed_payments.month IS 'Of the attempt, in UTC.';
COMMENT ON COLUMN kassa.failed_payments.code IS
    'Of the attempt, or else the latest that was told of the payment (Stripe''s invoices tell none), or else unknown, '
    'as always at LemonSqueezy.';
COMMENT ON COLUMN kassa.failed_payments.failures IS 'Attempts.';
COMMENT ON COLUMN kassa.failed_payments.payments IS 'Payments that they were at.';
COMMENT ON COLUMN kassa.failed_payments.recovered IS 'Of those, how many were paid after all.';

CREATE VIEW kassa.first_payments AS
WITH asked AS (
    SELECT p.provider, p.created_at, p.paid_at, COALESCE(NULLIF(p.plan, ''), s.plan, '') AS plan,
        CASE WHEN f.payment_id IS NULL THEN 0 ELSE 1 END AS failed,
        ROW_NUMBER() OVER (
            PARTITION BY p.provider, p.account, CASE WHEN p.subscription_id = '' THEN p.kind ELSE '' END,
                CASE WHEN p.subscription_id = '' THEN p.id ELSE p.subscription_id END
            ORDER BY p.created_at, p.id) AS place
    FROM kassa.payments p
    LEFT JOIN kassa.subscriptions s ON s.provider = p.provider AND s.account = p.account AND s.id = p.subscription_id
    LEFT JOIN (SELECT DISTINCT provider, account, kind, payment_id FROM kassa.payment_failures) f
        ON f.provider = p.provider AND f.account = p.account AND f.kind = p.kind AND f.payment_id = p.id
    WHERE p.amount_minor > 0 AND NOT (p.kind = 'Order' AND EXISTS (
        SELECT 1 FROM kassa.subscriptions o
        WHERE o.provider = p.provider AND o.account = p.account AND o.order_id = p.id AND o.order_id <> ''))
)
SELECT CAST(DATE_TRUNC('month', created_at AT TIME ZONE 'UTC') AS date) AS month, provider, plan, COUNT(*) AS asked,
    COUNT(paid_at) AS paid, SUM(failed) AS failed, ROUND(COUNT(paid_at) * 1.0 / COUNT(*), 4) AS conversion_rate
FROM asked
WHERE place = 1
GROUP BY CAST(DATE_TRUNC('month', created_at AT TIME ZONE 'UTC') AS date), provider, plan;

COMMENT ON VIEW kassa.first_payments IS
    'The first payment of each subscription, and purchases without one, by the month in which they were asked for.';
COMMENT ON COLUMN kassa.first_payments.asked IS
    'Payments. One that a buyer only looked at is none: see checkout_conversion.';
COMMENT ON COLUMN kassa.first_payments.paid IS 'Of those, how many were paid.';
COMMENT ON COLUMN kassa.first_payments.failed IS 'Of those asked for, how many failed at least once.';
COMMENT ON COLUMN kassa.first_payments.conversion_rate IS 'paid divided by asked.';

CREATE VIEW kassa.checkout_conversion AS
SELECT day, provider, account, SUM(completed) AS completed, SUM(expired) AS expired,
    ROUND(SUM(completed) * 1.0 / COUNT(*), 4) AS conversion_rate
FROM (
    SELECT DISTINCT CAST(occurred_at AT TIME ZONE 'UTC' AS date) AS day, provider, account, event_id,
        CASE WHEN type = 'checkout.completed' THEN 1 ELSE 0 END AS completed,
        CASE WHEN type = 'checkout.expired' THEN 1 ELSE 0 END AS expired
    FROM kassa.webhook_events
    WHERE type IN ('checkout.completed', 'checkout.expired')
) AS checkouts
GROUP BY day, provider, account;

COMMENT ON VIEW kassa.checkout_conversion IS
    'Checkouts that ended, by day, as long as their events are remembered (spec.ledger.retention). LemonSqueezy does '
    'not tell of those that were left.';
COMMENT ON COLUMN kassa.checkout_conversion.expired IS 'Left by the buyer: expired at Stripe, canceled at Paddle.';
COMMENT ON COLUMN kassa.checkout_conversion.conversion_rate IS 'completed divided by both.';

CREATE VIEW kassa.customer_overview AS
SELECT c.provider, c.account, c.id, COALESCE(NULLIF(c.user_id, ''), MAX(s.user_id), '') AS user_id, c.email,
    c.first_seen_at, c.deleted_at, COUNT(s.id) AS subscriptions,
    SUM(CASE WHEN s.status IN ('Trialing', 'Active', 'Canceling', 'PastDue') THEN 1 ELSE 0 END) AS running
FROM kassa.customers c
LEFT JOIN kassa.subscriptions s ON s.provider = c.provider AND s.account = c.account AND s.customer_id = c.id
GROUP BY c.provider, c.account, c.id, c.user_id, c.email, c.first_seen_at, c.deleted_at;

COMMENT ON VIEW kassa.customer_overview IS 'Customers at the providers, with the application''s users that they are.';
COMMENT ON COLUMN kassa.customer_overview.id IS 'The provider''s.';
COMMENT ON COLUMN kassa.customer_overview.user_id IS
    'The application''s own id: of the customer, or else the greatest of its subscriptions. Empty: not told, erased.';
COMMENT ON COLUMN kassa.customer_overview.email IS 'Empty: not told, or erased.';
COMMENT ON COLUMN kassa.customer_overview.deleted_at IS 'When it was deleted at the provider.';
COMMENT ON COLUMN kassa.customer_overview.running IS 'Of the subscriptions, those that run.';

-- +goose Down
DROP VIEW kassa.customer_overview, kassa.checkout_conversion, kassa.first_payments, kassa.failed_payments,
    kassa.disputes_by_month, kassa.refunds_by_month, kassa.revenue, kassa.money_out, kassa.money_in,
    kassa.trial_conversion, kassa.churn, kassa.mrr, kassa.mrr_by_plan, kassa.active_subscriptions,
    kassa.subscription_lives;
