"""How good models are at each task, on labelled cases that come with Engagerr."""
