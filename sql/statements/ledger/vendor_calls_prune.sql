SELECT remove_vendor_calls(%(before)s)
