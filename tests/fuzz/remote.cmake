ae_add_fuzz(NAME remote_frames DEPS sources)
ae_add_fuzz(NAME remote_samples DEPS sources)
ae_add_fuzz(NAME selector DEPS sources)
ae_add_fuzz(NAME xor_chunk DEPS sources)
