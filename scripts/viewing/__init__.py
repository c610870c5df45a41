"""What `scripts/page-bench` is made of: where it takes place (`stage`), and what it measures there."""
