def test_a(workspace, other_workspace, app_connection, owner_connection):
    print(workspace.tenant)
def test_b(workspace): pass
def test_c(workspace): pass
