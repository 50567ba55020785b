"""HTTP plumbing that both services share. No route of the contract is here."""
