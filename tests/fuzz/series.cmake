ae_add_fuzz(NAME series_state DEPS series)
