"""What Headline costs beside what must be paid anyway. `make bench` prints ratios measured in one run; nothing is asserted."""
