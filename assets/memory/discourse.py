# ruff: noqa: E501 - patterns
"""What people put around what they say, and that is no part of it: "honestly, …", "…, as I told you the other day", "lol".

A segment at the start or the end of a text, or between two commas, is left out when it is made of such phrases alone;
they are built from their grammar, not listed one by one: who speaks, a verb of saying or thinking, to whom, when. What
has a negation, a figure, a name or any other word in it stays. Does not live here: how texts are compared (`likeness.py`).
"""

import polars as pl

from assets.memory.queries import TEXT, each

_OFTEN = r"(?: (?:before|earlier|already|again|last time|last week|last month|the other day|once|yesterday|a while ago|a while back|some time ago|previously|in the past|many times|a few times|so many times|recently|today|by now|too|though|or not|right now|here|now))*"
_ME = r"(?: (?:to|with))?(?: (?:you|ya|u|that|this|it|so|all this|all that))*"
_SAY = r"(?:say|said|saying|tell|told|telling|mention|mentioned|mentioning|note|noted|point out|pointed out|add|admit|admitted|confess|share|shared|report|remind|let you know|update|explain|explained|stress|wrote|written|talked about|brought up)"
_HOLD = r"(?:mean|meant|know|knew|guess|think|thought|suppose|believe|reckon|figure|imagine|swear|promise|remember|recall|bet|assure you|promise you|repeat|repeating|repeat myself|may repeat myself|might repeat myself)"
_MAY = r"(?: (?:have|had|just|did|do|must|should|shall|can|could|would|may|might|will|wanted to|want to|need to|have to|had to|like to|love to|got to|probably|think i|believe i|guess i|already|also|only|figured i|thought i|am|really|was|tend to|forgot to|never get tired to|keep|going to|about to|happy to|glad to))*"
_CLAUSE = rf"(?:(?:as|like|just like|exactly as|so|and|well|but|what) )?(?:i|we)(?:{_MAY} {_SAY}{_ME}|{_MAY} {_HOLD}(?: (?:that|this|it|so|i))*(?: (?:have |had |already )*{_SAY}{_ME})?){_OFTEN}"
_WITHOUT_I = (
    r"(?:(?:just )?(?:wanted|want|have|need|had|got|thought i(?: would| should)?|figured i(?: would| should)?) to "
    rf"{_SAY}{_ME}{_OFTEN}|as (?:said|mentioned|told|stated|discussed|noted|established|usual|always){_OFTEN}|(?:just )?(?:thought|think|figured) (?:that )?you (?:should|would want to|would like to|might want to|might like to|ought to) know|let me (?:just )?{_SAY}{_ME}{_OFTEN}|did i (?:ever )?(?:mention|tell you)(?: that| this| it)?{_OFTEN}|have i (?:ever )?(?:mentioned|told you)(?: that| this| it)?{_OFTEN}|(?:i (?:do not know|am not sure|cannot remember|forget) )?(?:if|whether) i (?:have )?(?:already |ever )?(?:told you|mentioned|said)(?: that| this| it)?{_OFTEN}|(?:if|in case) i (?:have not|did not)(?: already)? (?:told you|tell you|mention|mentioned|say|said)(?: that| this| it)?(?: yet| already| before)?|i am (?:pretty |quite |fairly )?sure(?: that)? i (?:have )?(?:already )?(?:told you|mentioned|said)(?: that| this| it)?{_OFTEN})"
)
_YOU = r"(?:(?:(?:as|like|in case|so|just so|if|and|well|just in case) )?you(?: (?:may|might|probably|will|must|already|all|do|surely|can|could|were))* (?:know|remember|recall|see|guess|guessed|imagine|wonder|wondered|wondering|forgot|missed it|missed that|asked|ask me|must know|believe|are aware|want to know)(?: (?:what|that|this|it|me|well|by now|already|too|i mean|what i mean|how it is|how it goes))*|(?:would|can) you believe (?:it|that)|if you ask me|if i am (?:being )?honest|if i may say so|if i remember (?:right|rightly|correctly|well)|if memory serves|remember|mind you|mark my words|believe (?:me|it or not|you me)|trust me|take it from me|take my word|note to self|guess what|you guessed it)"
_TO = r"(?:(?:just )?to (?:be|being)(?: (?:perfectly|completely|totally|quite|brutally|really|very|absolutely|more|entirely))* (?:honest|fair|frank|clear|sure|precise|exact|truthful|transparent|open|blunt|on the safe side)(?: with you)?|being (?:honest|frank|fair)|to tell (?:you )?(?:the |you )?truth|to put it (?:simply|mildly|briefly|bluntly|plainly)|to (?:let you know|cut a long story short|make a long story short|keep you posted|keep you updated|keep you in the loop|sum up|begin with|start with|get to the point)|truth be told|truth is|the truth is|fact is|the fact is|the thing is|thing is|point is|the point is|long story short|(?:for|from) (?:what it is worth|whatever it is worth|the record|your information|my part|the time being)|for what it's worth|by the way|by the by|in (?:fact|truth|all honesty|all seriousness|any case|short|brief|a nutshell|other news|other words|my opinion|my view|case (?:you|i)[a-z ]{0,30})|on (?:another note|a side note|a different note|that note|a related note|the other hand|the whole)|at (?:any rate|the end of the day|this point|least i think so)|after all|(?:as )?(?:a |just a |one |another |some )?(?:quick|small|little|short|tiny|minor|fun|random|big|good|great|exciting|important|personal|life|status|brief|fresh)?(?: )?(?:update|note|heads up|heads-up|fyi|reminder|fact|news|side note|announcement|confession)(?: (?:for you|from me|here|from my side|on me))?|no (?:kidding|lie|joke|cap|doubt|offence|offense|surprise there|biggie)|not (?:going to lie|to brag|kidding|joking|that it matters|sure if i (?:mentioned|said|told you)(?: that| it| this)?)|just (?:saying|sayin|fyi|for the record|a thought|so we are clear)|needless to say|come to think of it|now that i think (?:about|of) it|as it happens|as it turns out|turns out|it turns out|as a matter of fact|as luck would have it|as far as i (?:know|remember|recall)|one more thing|another thing|what else|before i forget|that said|having said that|that being said|speaking of which|while i am at it|while we are at it|and so on|and all that|and stuff|and such|or so i think|so to speak|so there you go|so there you have it|there you go|there you have it|here goes|here we go|go figure|end of story|period|full stop|and that is that|that is (?:it|all|that|the thing|how it is|the way it is)(?: really| now)?|and that is (?:it|all)|it is what it is|no big deal|what can i say|what a (?:day|week|life)|is all|good to know|who knew|my bad|i swear to god|thank god|thank goodness|knock on wood|fingers crossed|oh my god|oh boy|oh man|oh dear|oh well|ah well|oh yeah|oh yes|ok then|okay then|all right|well then|now then|as ever)"
_WORD = r"(?:(?:quite |very |pretty |so )?(?:honestly|frankly|actually|seriously|truthfully|basically|anyway|anyways|anyhow|incidentally|obviously|clearly|evidently|naturally|admittedly|surprisingly|interestingly|ironically|curiously|funnily|oddly|strangely|sadly|luckily|unluckily|thankfully|fortunately|unfortunately|regrettably|confessedly|personally|technically|apropos|truly|really|literally|indeed|essentially|understandably|weirdly|amazingly|happily|gladly|generally|overall|ultimately|eventually|finally|simply|sincerely|clearly)(?: (?:enough|speaking|though|put))?|of course|for sure|for real|sure|right|exactly|oh|ah+|aha|ooh|hey+|hi+|hello|well|look|listen|see|say|yeah|yea|yep|yup|yes|ok|okay|okey|kay|alright|um+|uh+|er+m*|hm+|mm+|huh|lol|lmao|rofl|xd|ha(?:ha)+|he(?:he)+|wow|whoa|yay|hooray|gosh|omg|ugh|sigh|phew|welp|btw|fyi|imo|imho|tbh|tbf|ngl|fwiw|afaik|iirc|jsyk|smh|anywho|so|and|but|though|then|now|again|as usual|also|like|still|plus|dear|folks|guys|buddy|mate|friend|my friend|dude|man)"
_PIECE = rf"(?:{_CLAUSE}|{_WITHOUT_I}|{_YOU}|{_TO}|{_WORD})"
_PICTURE = r"(?:[\x{2600}-\x{27BF}\x{1F000}-\x{1FAFF}\x{FE0F}\x{200D}]|(?:[:;=]'?-?[)(dpo3/|*\]\[]+|<3|\^\^|\bxd\b))"
_SEGMENT = rf"{_PIECE}(?: {_PIECE})*"
_GAP = r"(?:\s*[,;:.!(\x{2026}]+|\s+[-\x{2013}\x{2014}]+|\s*\x{2014})"

_MUST = "must|should|have to|want to|wanted to|may have|might have|think i|think i have|forgot to|can|would like to"
_SAID = rf"(?:(?:as|like) (?:i|we){_MAY} {_SAY}{_ME}{_OFTEN}|i (?:have |already |think i )*told you{_OFTEN}|i (?:{_MUST}) (?:just )?{_SAY}(?: you)?{_OFTEN}|i (?:guess|suppose|mean|swear|promise))"
_OPENS = (
    r"(?:well|oh|hey|hi|hello|um+|uh+|hm+|yeah|yep|yes|ok|okay|alright|anyway|anyways|anyhow|honestly|frankly|btw|fyi|tbh|ngl|lol|haha+|actually|basically|seriously|by the way|in fact|of course|to be honest|to be fair|to tell (?:you )?the truth|truth be told|for the record|just so you know|believe it or not|needless to say|i must say|as you know|as mentioned|remember|mind you|incidentally|i swear|fun fact|did you know|you (?:may|might|probably|surely|will) (?:already )?(?:remember|recall|know)(?: that)?|"
    rf"(?:so|and|but) (?:{_SAID}|{_WORD})|{_SAID}(?: that)?|{_WITHOUT_I}(?: that)?|so|and|but)"
)
_SUBJECT = r"(?P<subject>i|we|my|our|the|it|he|she|they|his|her|their|there)\s"
_CLOSES = r"(?:by the way|btw|fyi|tbh|tbf|ngl|imo|imho|fwiw|lol|lmao|haha+|hehe|you know|as you know|just so you know|to be honest|honestly|frankly|of course|to be fair|believe it or not|just saying|anyway|anyways|actually|i guess|i suppose|i swear|i must say|for the record|for what it is worth|(?:as|like) i (?:said|told you|mentioned)(?: before| already| earlier)?|in case you (?:wondered|were wondering|forgot|missed it)|i mean|though|as i said|i tell you|mind you|no kidding|trust me|yeah|ok|okay)"

START = rf"^\s*(?:{_SEGMENT}(?:{_GAP}|\s*\?+)\s*|{_PICTURE}\s*|(?:so|and|but|btw|by the way|fyi|tbh|lol|honestly|frankly|anyway|actually|basically|um+|uh+|oh|hey|yeah)(?:\s+|\s*,\s*))+"
BEFORE_SUBJECT = rf"^\s*(?:{_OPENS}\s+)+{_SUBJECT}"
END = rf"(?:{_GAP}\s*{_SEGMENT}\s*|\s*{_PICTURE}+\s*|\s+{_CLOSES}\s*)+[.!)\x{{2026}}]*\s*$"
MIDDLE = rf",\s*{_SEGMENT}\s*,"
DISCOURSE = rf"{START}|{BEFORE_SUBJECT}|{END}|{MIDDLE}"
"""Whether a text has something of this around it, in the dialect of Polars, of texts in lower case."""


def without_discourse(texts: pl.Series) -> pl.Series:
    """Texts in lower case without what is put around what they say; those that are nothing else stay as they are."""
    out = TEXT
    for pattern, instead in (
        (START, ""),
        (BEFORE_SUBJECT, "${subject} "),
        (END, ""),
        (MIDDLE, ","),
        (START, ""),
        (BEFORE_SUBJECT, "${subject} "),
    ):
        out = out.str.replace_all(pattern, instead)
    without = each(texts, out)
    nothing = each(without, (~TEXT.str.contains(r"\p{L}{2}|\d")).arg_true())
    return without.scatter(nothing, texts.gather(nothing))
