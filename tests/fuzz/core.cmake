ae_add_fuzz(NAME durations DEPS core)
ae_add_fuzz(NAME labels DEPS core)
ae_add_fuzz(NAME state_file DEPS core storage)
