"""Orders of clients and the subscriptions that follow from them.

Owns Order, OrderItem, OrderFile, Subscription and SubscriptionItem. ``billing.invoicing`` may call it.
"""
