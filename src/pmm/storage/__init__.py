"""The log: append-only, hash-chained, durable. It knows SQL; it knows no psychology."""
