"""What must last (PostgreSQL, evidence) and what is live (Redis)."""
