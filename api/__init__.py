"""The pages and the JSON interface for care staff and clinicians, and the webhooks of the SMS provider."""
