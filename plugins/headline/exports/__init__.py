"""What leaves: dumps for partners, point-in-time features, and changed rows for other systems."""
