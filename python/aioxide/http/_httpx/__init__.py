"""What httpx and httpx2 programs see: their own classes, over the native pool."""
