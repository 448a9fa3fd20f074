"""What is made: milestones, pieces and their rounds, disclosure, usage rights."""
