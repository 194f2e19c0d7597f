"""Which articles are alike: neighbours for «Похожие записи», and reprints."""
