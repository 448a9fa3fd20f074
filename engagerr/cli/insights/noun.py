"""The noun that the verbs of this package are registered on."""

from engagerr.cli.command import noun

app = noun("insight")
