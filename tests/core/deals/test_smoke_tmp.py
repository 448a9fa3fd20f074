from engagerr.core.deals.deals import NewDeal, Changes
from engagerr.core.deals.proposals import *
from engagerr.core.money import Money
def test_smoke(workspace, other_workspace):
    workspace.roster.add("Ann Lee")
    workspace.roster.set_rate("Ann Lee", deliverable="youtube_integration", amount=Money(400000,"EUR"))
    d = workspace.deals.add(NewDeal("Trail shoes", brand="Alpenpfad", creators=("Ann Lee",)))
    print(d)
    code = workspace.deals.share("Trail shoes")
    print(code)
    theirs = other_workspace.deals.join(code.code)
    print(theirs)
    print(workspace.proposals.draft("Trail shoes"))
    print(workspace.proposals.set_limits("Trail shoes", limit=Money(350000,"EUR"), cost=Money(320000,"EUR")))
    print(workspace.proposals.send("Trail shoes"))
    print(other_workspace.deals.show("Trail shoes"))
    print(other_workspace.proposals.counter("Trail shoes", Counter({"1": LineEdit(price=Money(300000,"EUR"))})))
    print(workspace.proposals.compare("Trail shoes"))
    try: workspace.proposals.accept("Trail shoes"); assert 0
    except Exception as e: print(repr(e), e.hint)
    print(workspace.proposals.accept("Trail shoes", despite="first deal"))
    print(workspace.deals.show("Trail shoes"))
    try: workspace.deals.move("Trail shoes", "contracted"); assert 0
    except Exception as e: print(repr(e), e.hint)
    print(workspace.deals.list(), workspace.deals.pipeline(), workspace.deals.stuck(days=0))
    print(other_workspace.deals.decline("Trail shoes", reason="no"))
    print(workspace.deals.reopen("Trail shoes", reason="yes"))
