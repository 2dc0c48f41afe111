"""Issued figures: what is recorded with a publication, what must wait for an approval, and what each difference comes from."""
