"""How good a policy is: closed-loop success, and what is reported of it."""
