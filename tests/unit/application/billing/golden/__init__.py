"""Records of bills as earlier versions wrote them, with the bills and explanations that they gave; read by `test_old_records`."""
