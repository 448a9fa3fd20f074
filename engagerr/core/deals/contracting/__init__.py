"""What is agreed: clauses, paper, signatures and seals, exclusivity, amendments."""
