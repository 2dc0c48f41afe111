"""The simulated company that feeds the pipelines: a real database, a real HTTP service and real files.

What happened on a day is a pure function of the company's settings and that day. `company` holds the settings, `rosters` its
products and customers, `sales` its orders and refunds, `finance` its expenses and exchange rates, `users` and `app` what
customers do in the app (`user_id` is `customer_id`), `experiments` what they are shown there; `shop`, `finance_api` and
`datashare` are the three doors through which others see all that. A further source is a further module of functions of
(company, day).
"""
