"""Signs events as Stripe does: reads JSON, a list of [payload, secret, timestamp], and prints their headers as a list."""

import json
import sys

import stripe

sign = stripe.WebhookSignature.generate_signature_header
print(json.dumps([sign(payload, secret, timestamp) for payload, secret, timestamp in json.load(sys.stdin)]))
