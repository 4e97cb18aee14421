"""Makes small tokenizers of every kind in use, and what the reference libraries do with nasty texts.

    pip install tokenizers==0.23.1 sentencepiece==0.2.3
    python make_tokenizers.py

writes `tokenizers/`: a `tokenizer.json` or a SentencePiece model for each case, and
`expected.json` with the texts and, for each case, the ids of each text (`plain`: nothing added and
no mark looked for; `marked`: as the library does by default) and what `marked` decodes to; and, for
the families of byte-level models, the ids of the last 24 texts.
"""

import io
import json
import pathlib
import random

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers import processors, trainers

FOLDER = pathlib.Path(__file__).parent / "tokenizers"
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace("{1,3}", "")
CORPUS = [
    "The quick brown fox jumps over the lazy dog. I'm sure you'll say it's 1234 times 56789.",
    "Hello world, the cat concat the token and the mat; don't WE'RE",
    "éèëñ世界你好 привет 🦙😀 e\u0301 \n\n  indent    more\tTab",
    "http://a.b/c?d=e <|im_start|>user\nHi<|im_end|>\n",
] * 5

CHARACTERS = (
    "abcdetTheHELLO 0123456789     \n\r\t.,!?'\"<>|_-éèñÅſﬁ½①\u0301\u0308\u0903\u200d\ufe0f\ufeff"
    "\xa0\u3000\u2028\x85\x00\x1f\xad世界你好カ한각\u1100\u1161🦙👩🚀٣Ⅷ²עברпр▁Ġ\ue000\uffff\U0010ffff\u0378"
)
WORDS = (
    "the; the; and;Hello; world;I'm;you'll;WE'RE;it'S;don't;'ſ;  ;    ;\n\n;\r\n; \n ;1234567; 12;"
    "...;http://a.b/c?d=e;<0x0A>;<0xFF>;▁a;<s>;</s>;<unk>;<|im_start|>;<|im_end|>;<|im_end;[MASK];"
    " [MASK] ;cat;concat cat.;e\u0301;token;token\u0903;½cat"
).split(";")


def texts(count):
    rng = random.Random(20)
    made = ["", " ", "a", "▁", "\n"]
    while len(made) < count:
        parts = []
        for _ in range(rng.choice([1, 2, 3, 5, 8])):
            part = rng.choice(WORDS) if rng.random() < 0.5 else rng.choice(CHARACTERS)
            parts.append(part * rng.choice([1, 1, 1, 1, 2, 7]))
        made.append("".join(parts))
    return made


def train(model, vocab_size, *, bytes_first=False, alphabet=(), **parts):
    """A BPE tokenizer with these parts, trained on the corpus."""
    tokenizer = Tokenizer(model)
    for name, part in parts.items():
        setattr(tokenizer, name, part)
    marks = ["<unk>", "<s>", "</s>"]
    fallback = [f"<0x{byte:02X}>" for byte in range(256)] if bytes_first else []
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=marks + fallback,
        initial_alphabet=list(alphabet),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    document = json.loads(tokenizer.to_str())
    document["added_tokens"] = [t for t in document["added_tokens"] if t["content"] in marks]
    return Tokenizer.from_str(json.dumps(document))


def byte_level(stages, normalizer=None, vocab_size=330, ignore_merges=False):
    parts = {} if normalizer is None else {"normalizer": normalizer}
    return train(
        models.BPE(ignore_merges=ignore_merges),
        vocab_size,
        alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        pre_tokenizer=pre_tokenizers.Sequence(stages),
        decoder=decoders.ByteLevel(),
        **parts,
    )


def split(pattern, behavior="isolated"):
    return pre_tokenizers.Split(Regex(pattern), behavior)


def spm_decoder(strip):
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    return decoders.Sequence(steps + [decoders.Strip(" ", 1, 0)] * strip)


def template(tokenizer, single):
    ids = [(text, tokenizer.token_to_id(text)) for text in ("<s>", "</s>")]
    return processors.TemplateProcessing(single=single, pair=f"{single} $B:1", special_tokens=ids)


def json_cases():
    bytes_only = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    fallback = models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True)

    gpt2 = byte_level([pre_tokenizers.ByteLevel(add_prefix_space=False)])
    smollm = byte_level(
        [pre_tokenizers.Digits(True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    smollm.add_special_tokens(["<|im_start|>", "<|im_end|>"])
    llama3 = byte_level([split(LLAMA3), bytes_only], ignore_merges=True)
    llama3.post_processor = processors.Sequence(
        [processors.ByteLevel(trim_offsets=False), template(llama3, "<s> $A")]
    )
    qwen2 = byte_level([split(QWEN2), bytes_only], normalizers.NFC())
    thousands = byte_level([split(r"(?=(\d{3})+(?!\d))"), split(LLAMA3), bytes_only])

    llama2 = train(
        fallback,
        450,
        bytes_first=True,
        normalizer=normalizers.Sequence(
            [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
        ),
        decoder=spm_decoder(True),
    )
    llama2.post_processor = template(llama2, "<s> $A </s>")
    metaspace = train(
        models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True),
        450,
        bytes_first=True,
        pre_tokenizer=pre_tokenizers.Metaspace("▁", "first", False),
        decoder=spm_decoder(True),
    )
    gemma = train(
        models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True),
        450,
        bytes_first=True,
        normalizer=normalizers.Replace(" ", "▁"),
        pre_tokenizer=pre_tokenizers.Split(" ", "merged_with_previous"),
        decoder=spm_decoder(False),
    )
    gemma.add_tokens(["\n\n", AddedToken("[MASK]", special=True, normalized=False)])
    words = train(
        models.BPE(unk_token="<unk>"),
        200,
        pre_tokenizer=pre_tokenizers.Metaspace("▁", "always", True),
        decoder=decoders.Metaspace("▁", "always", True),
    )
    # Without an unknown token letters are lost, and their neighbours may merge.
    lost = train(models.BPE(), 150, decoder=decoders.Fuse())
    added = byte_level(
        [pre_tokenizers.ByteLevel(add_prefix_space=True)], normalizers.Lowercase()
    )
    added.add_tokens(
        [
            AddedToken("[MASK]", lstrip=True, rstrip=True, normalized=False),
            AddedToken("CAT", single_word=True, normalized=True),
            AddedToken("token", single_word=True, lstrip=True, normalized=False),
            AddedToken("<|im_end|>", rstrip=True, normalized=False, special=True),
        ]
    )
    bert = train(
        models.BPE(unk_token="<unk>"),
        200,
        normalizer=normalizers.Sequence(
            [normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase()]
        ),
        pre_tokenizer=pre_tokenizers.BertPreTokenizer(),
        decoder=decoders.Fuse(),
    )
    ends = [(text, bert.token_to_id(text)) for text in ("</s>", "<s>")]
    bert.post_processor = processors.RobertaProcessing(*ends)
    marks = byte_level(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Punctuation("contiguous"),
            pre_tokenizers.CharDelimiterSplit("e"),
            pre_tokenizers.Metaspace("▁", "first", False),
            bytes_only,
        ]
    )
    lines = byte_level(
        [split(r"^\s|[^\S\n]+$|\d{2}+"), bytes_only], normalizers.Replace(Regex(r"^[aH]"), "#")
    )
    cases = dict(bert=bert, marks=marks, gpt2=gpt2, smollm=smollm, llama3=llama3, qwen2=qwen2)
    cases |= dict(lines=lines)
    cases |= dict(thousands=thousands, llama2=llama2, metaspace=metaspace, gemma=gemma, words=words)
    return cases | dict(lost=lost, added=added)


def spm_cases():
    rules = FOLDER / "rules.tsv"
    # Ligature, full-width A, ideographic space, zero-width space, soft hyphen, e with acute.
    rules.write_text("FB01\t66 69\nFF21\t41\n3000\t20\n200B\t\nAD\t\n65 301\tE9\n85\t20\n")

    def train(vocab_size, **options):
        model = io.BytesIO()
        corpus = iter([line.replace("\n", " ") for line in CORPUS] * 4)
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=corpus,
            model_writer=model,
            model_type="bpe",
            vocab_size=vocab_size,
            hard_vocab_limit=False,
            minloglevel=2,
            **options,
        )
        return model.getvalue()

    plain = dict(
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        byte_fallback=True,
        allow_whitespace_only_pieces=True,
    )
    cases = dict(
        spm_llama=train(450, **plain),
        spm_no_prefix=train(450, **plain, add_dummy_prefix=False, split_digits=True),
        spm_tidy=train(160, normalization_rule_name="identity"),
        spm_rules=train(160, normalization_rule_tsv=str(rules), add_dummy_prefix=False),
        spm_user_defined=train(
            420,
            normalization_rule_tsv=str(rules),
            byte_fallback=True,
            user_defined_symbols=["  ", "\n", "ﬁ", "the"],
            control_symbols=["<|im_end|>"],
        ),
    )
    rules.unlink()
    return cases


LETTERS = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
CASED = r"[^\r\n\p{L}\p{N}]?%s*%s+@|[^\r\n\p{L}\p{N}]?%s+%s*@|" % (LETTERS * 2)
CASED += r"\p{N}#| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
DEEPSEEK = (
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
    r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
MARKS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}"
    r"| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
# The pre-tokenizers of tokenizer.json by the names that GGUF files have for them.
FAMILIES = {
    "dbrx": [LLAMA3],
    "tekken": [CASED.replace("@", "").replace("#", "")],
    "gpt-4o": [CASED.replace("@", "(?i:'s|'t|'re|'ve|'m|'ll|'d)?").replace("#", "{1,3}")],
    "qwen35": [MARKS],
    "deepseek-v3": [r"\p{N}{1,3}", "[一-龥\u3040-ゟ゠-ヿ]+", DEEPSEEK],
    "deepseek-coder": [r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-\ud7ff]+", r"\p{N}"],
}


def families(inputs):
    """Ids with the vocabulary of the case `gpt2`, cut as each family does."""
    model = json.loads((FOLDER / "gpt2.json").read_text())["model"]
    ids = {}
    for name, patterns in FAMILIES.items():
        merges = [tuple(pair) for pair in model["merges"]]
        tokenizer = Tokenizer(models.BPE(model["vocab"], merges, ignore_merges=name == "tekken"))
        if name == "qwen35":
            tokenizer.normalizer = normalizers.NFC()
        bytes_only = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        stages = [split(pattern) for pattern in patterns] + [bytes_only]
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(stages)
        ids[name] = [tokenizer.encode(text).ids for text in inputs]
    return ids


def main():
    FOLDER.mkdir(exist_ok=True)
    inputs = texts(56)
    cases = {}
    for name, tokenizer in json_cases().items():
        tokenizer.save(str(FOLDER / f"{name}.json"), pretty=False)
        tokenizer = Tokenizer.from_file(str(FOLDER / f"{name}.json"))
        case = {"plain": [], "marked": [], "text": []}
        for text in inputs:
            tokenizer.encode_special_tokens = True
            case["plain"].append(tokenizer.encode(text, add_special_tokens=False).ids)
            tokenizer.encode_special_tokens = False
            ids = tokenizer.encode(text).ids
            case["marked"].append(ids)
            case["text"].append(tokenizer.decode(ids, skip_special_tokens=True))
        cases[name] = case
    for name, model in spm_cases().items():
        (FOLDER / f"{name}.model").write_bytes(model)
        processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        ids = [processor.encode(text) for text in inputs]
        known = [[i for i in row if not processor.is_unknown(i)] for row in ids]
        cases[name] = {"plain": ids, "text": [processor.decode(row) for row in known]}
    document = {"texts": inputs, "cases": cases, "families": families(inputs[-24:])}
    text = json.dumps(document, ensure_ascii=True, separators=(",", ":"))
    (FOLDER / "expected.json").write_text(text.replace('"},"', '"},\n"') + "\n")


main()
