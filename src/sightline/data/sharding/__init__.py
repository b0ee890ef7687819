"""Ingest a large folder of images in parts that are cached, computed and repeated one by one."""
