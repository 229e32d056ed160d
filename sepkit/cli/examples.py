"""Examples in the help of every command."""

EXAMPLES = {
    "adapt": ("sepkit adapt METHOD song.wav -o weights --solo piano=0:00-0:35",),
    "align": ("sepkit align song.wav song.mid -o aligned.mid",),
    "benchmark": (
        "sepkit benchmark nmf,score-nmf example -o out",
        "sepkit benchmark nmf my-recordings -o out --metric sdr --jobs 4",
    ),
    "check": ("sepkit check nmf",),
    "datasets": ("sepkit datasets", "sepkit datasets example --verify"),
    "demo": ("sepkit demo -o demo-output",),
    "env": ("sepkit env", "sepkit env --json"),
    "evaluate": (
        "sepkit evaluate out/song true/song",
        "sepkit evaluate voice.wav true-voice.wav --metric si-sdr --json",
    ),
    "f0": ("sepkit f0 quartet.wav --score quartet.mid -o f0",),
    "fetch": ("sepkit fetch NAME --accept-licence",),
    "list": ("sepkit list", "sepkit list --json"),
    "new": ("sepkit new my-method", "sepkit new my-prior --kind prior"),
    "plugins": ("sepkit plugins", "sepkit plugins nmf"),
    "run": (
        "sepkit run nmf song.wav -o out --sources a,b",
        "sepkit run score-nmf song.wav -o out --score song.mid --start 1:10 --end 1:42",
        "sepkit run nmf recordings/ -o out --jobs 4 --format flac",
        "sepkit run nmf 'albums/**/*.mp3' -o out --name '{parent}/{track}/{source}.{ext}'",
        "sepkit run nmf - --sources a,b --stdout a < song.wav > a.wav",
        "sepkit run --from out/song/separation.json -o again",
    ),
    "score": ("sepkit score song.mid", "sepkit score song.musicxml --parts staff"),
    "serve": ("sepkit serve", "sepkit serve --host 0.0.0.0 --jobs 2", "sepkit serve --stdio"),
    "show": ("sepkit show nmf", "sepkit show sparsity --schema"),
    "suggest": ("sepkit suggest song.wav", "sepkit suggest song.wav --labels song.txt"),
    "train": ("sepkit train NAME my-recordings -o weights --set steps=5000",),
    "weights": ("sepkit weights",),
}
